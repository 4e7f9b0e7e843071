//! Parsing (RFC 9651 section 4.2).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{
    BareItem, Dictionary, InnerList, Item, List, Member, NotStructured, Parameters, Twice,
};

type Parsed<T> = Result<T, NotStructured>;

pub(super) fn dictionary(text: &[u8], twice: Twice) -> Parsed<Dictionary> {
    let mut parser = Parser::new(text, twice);
    let mut found = Dictionary::default();
    parser.members(|parser| {
        let key = parser.key()?;
        let member = if parser.take(b'=') {
            parser.member()?
        } else {
            let value = BareItem::Boolean(true);
            let parameters = parser.parameters()?;
            Member::Item(Item { value, parameters })
        };
        if found.put(key, member, twice) {
            Ok(())
        } else {
            parser.fail()
        }
    })?;
    Ok(found)
}

pub(super) fn list(text: &[u8], twice: Twice) -> Parsed<List> {
    let mut parser = Parser::new(text, twice);
    let mut found = Vec::new();
    parser.members(|parser| {
        found.push(parser.member()?);
        Ok(())
    })?;
    Ok(List(found))
}

pub(super) fn item(text: &[u8], twice: Twice) -> Parsed<Item> {
    let mut parser = Parser::new(text, twice);
    parser.skip(b" ");
    let found = parser.item()?;
    parser.skip(b" ");
    parser.end()?;
    Ok(found)
}

struct Parser<'t> {
    text: &'t [u8],
    at: usize,
    twice: Twice,
}

impl<'t> Parser<'t> {
    const fn new(text: &'t [u8], twice: Twice) -> Self {
        Self { text, at: 0, twice }
    }

    fn fail<T>(&self) -> Parsed<T> {
        Err(NotStructured(self.at))
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn next(&mut self) -> Parsed<u8> {
        let byte = self.peek().ok_or(NotStructured(self.at))?;
        self.at += 1;
        Ok(byte)
    }

    fn take(&mut self, byte: u8) -> bool {
        let there = self.peek() == Some(byte);
        self.at += usize::from(there);
        there
    }

    fn expect(&mut self, byte: u8) -> Parsed<()> {
        if self.take(byte) { Ok(()) } else { self.fail() }
    }

    fn skip(&mut self, any_of: &[u8]) {
        while self.peek().is_some_and(|byte| any_of.contains(&byte)) {
            self.at += 1;
        }
    }

    fn take_while(&mut self, legal: impl Fn(u8) -> bool) -> &'t [u8] {
        let start = self.at;
        while self.peek().is_some_and(&legal) {
            self.at += 1;
        }
        self.text.get(start..self.at).unwrap_or_default()
    }

    fn end(&self) -> Parsed<()> {
        if self.at == self.text.len() {
            Ok(())
        } else {
            self.fail()
        }
    }

    /// Members with commas between, to the end of the text.
    fn members(&mut self, mut one: impl FnMut(&mut Self) -> Parsed<()>) -> Parsed<()> {
        self.skip(b" ");
        while self.peek().is_some() {
            one(self)?;
            self.skip(b" \t");
            if self.peek().is_none() {
                break;
            }
            self.expect(b',')?;
            self.skip(b" \t");
            if self.peek().is_none() {
                return self.fail();
            }
        }
        self.end()
    }

    fn member(&mut self) -> Parsed<Member> {
        if self.peek() == Some(b'(') {
            self.inner_list().map(Member::InnerList)
        } else {
            self.item().map(Member::Item)
        }
    }

    fn inner_list(&mut self) -> Parsed<InnerList> {
        self.expect(b'(')?;
        let mut items = Vec::new();
        loop {
            self.skip(b" ");
            if self.take(b')') {
                let parameters = self.parameters()?;
                return Ok(InnerList { items, parameters });
            }
            items.push(self.item()?);
            if !matches!(self.peek(), Some(b' ' | b')')) {
                return self.fail();
            }
        }
    }

    fn item(&mut self) -> Parsed<Item> {
        let value = self.bare_item()?;
        let parameters = self.parameters()?;
        Ok(Item { value, parameters })
    }

    fn parameters(&mut self) -> Parsed<Parameters> {
        let mut found = Parameters::default();
        while self.take(b';') {
            self.skip(b" ");
            let key = self.key()?;
            let value = if self.take(b'=') {
                self.bare_item()?
            } else {
                BareItem::Boolean(true)
            };
            if !found.put(key, value, self.twice) {
                return self.fail();
            }
        }
        Ok(found)
    }

    fn key(&mut self) -> Parsed<String> {
        if !self
            .peek()
            .is_some_and(|b| b.is_ascii_lowercase() || b == b'*')
        {
            return self.fail();
        }
        let legal = |b: u8| {
            b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'_' | b'-' | b'.' | b'*')
        };
        let key = self.take_while(legal);
        self.ascii(key)
    }

    fn ascii(&self, bytes: &[u8]) -> Parsed<String> {
        String::from_utf8(bytes.to_vec()).map_err(|_| NotStructured(self.at))
    }

    fn bare_item(&mut self) -> Parsed<BareItem> {
        match self.peek() {
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b'"') => self.string().map(BareItem::String),
            Some(b'*' | b'A'..=b'Z' | b'a'..=b'z') => {
                let token = self
                    .take_while(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~:/".contains(&b));
                self.ascii(token).map(BareItem::Token)
            }
            Some(b':') => self.bytes().map(BareItem::Bytes),
            Some(b'?') => self.boolean().map(BareItem::Boolean),
            Some(b'@') => {
                self.at += 1;
                match self.number()? {
                    BareItem::Integer(seconds) => Ok(BareItem::Date(seconds)),
                    _ => self.fail(),
                }
            }
            Some(b'%') => self.display_string().map(BareItem::DisplayString),
            _ => self.fail(),
        }
    }

    fn number(&mut self) -> Parsed<BareItem> {
        let sign = if self.take(b'-') { -1 } else { 1 };
        let whole = self.take_while(|b| b.is_ascii_digit());
        let decimal = self.peek() == Some(b'.');
        if whole.is_empty() || whole.len() > if decimal { 12 } else { 15 } {
            return self.fail();
        }
        let digits = |digits: &[u8]| {
            let add = |sum: i64, digit: &u8| sum * 10 + i64::from(*digit - b'0');
            digits.iter().fold(0_i64, add)
        };
        if !decimal {
            return Ok(BareItem::Integer(sign * digits(whole)));
        }
        self.at += 1;
        let fraction = self.take_while(|b| b.is_ascii_digit());
        let scale = match fraction.len() {
            1 => 100,
            2 => 10,
            3 => 1,
            _ => return self.fail(),
        };
        let thousandths = digits(whole) * 1000 + digits(fraction) * scale;
        Ok(BareItem::Decimal(sign * thousandths))
    }

    fn string(&mut self) -> Parsed<String> {
        self.expect(b'"')?;
        let mut found = String::new();
        loop {
            match self.next()? {
                b'"' => return Ok(found),
                b'\\' => match self.next()? {
                    escaped @ (b'"' | b'\\') => found.push(char::from(escaped)),
                    _ => return self.fail(),
                },
                plain @ 0x20..=0x7e => found.push(char::from(plain)),
                _ => return self.fail(),
            }
        }
    }

    fn bytes(&mut self) -> Parsed<Vec<u8>> {
        self.expect(b':')?;
        let text = self.take_while(|b| b != b':');
        self.expect(b':')?;
        // SECURITY: one spelling for every sequence of bytes: padded, no bits left over.
        STANDARD.decode(text).map_err(|_| NotStructured(self.at))
    }

    fn boolean(&mut self) -> Parsed<bool> {
        self.expect(b'?')?;
        match self.next()? {
            b'0' => Ok(false),
            b'1' => Ok(true),
            _ => self.fail(),
        }
    }

    fn display_string(&mut self) -> Parsed<String> {
        self.expect(b'%')?;
        self.expect(b'"')?;
        let mut found = Vec::new();
        loop {
            match self.next()? {
                b'"' => return String::from_utf8(found).map_err(|_| NotStructured(self.at)),
                b'%' => {
                    let (high, low) = (self.hex()?, self.hex()?);
                    found.push(high << 4 | low);
                }
                plain @ 0x20..=0x7e => found.push(plain),
                _ => return self.fail(),
            }
        }
    }

    fn hex(&mut self) -> Parsed<u8> {
        match self.next()? {
            digit @ b'0'..=b'9' => Ok(digit - b'0'),
            digit @ b'a'..=b'f' => Ok(digit - b'a' + 10),
            _ => self.fail(),
        }
    }
}
