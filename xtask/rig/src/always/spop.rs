//! SPOP: a frame comes, its two numbers go back with one variable.

use anyhow::{Context, Result};
use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

const HELLO: u8 = 1;
const NOTIFY: u8 = 3;
/// Version 2.0, frames of 16380 bytes, pipelining.
const AGENT_HELLO: &[u8] = b"\x65\0\0\0\x01\0\0\x07version\x08\x032.0\
    \x0emax-frame-size\x03\xfc\xf0\x06\x0ccapabilities\x08\x0apipelining";
/// Sets the variable `allowed` of the transaction to true.
const ALLOWED: &[u8] = b"\x01\x03\x02\x07allowed\x11";
/// Kind and flags, before the two numbers.
const PREFIX: usize = 5;

/// Answers every NOTIFY.
pub(crate) async fn spop(listener: TcpListener) -> Result<()> {
    loop {
        let stream = super::next(&listener).await?;
        tokio::spawn(serve(stream));
    }
}

async fn serve(stream: TcpStream) -> Result<()> {
    let mut stream = BufReader::new(stream);
    let mut frame = Vec::new();
    loop {
        let length = usize::try_from(stream.read_u32().await?)?;
        frame.resize(length, 0);
        stream.read_exact(&mut frame).await?;
        match frame.first().copied() {
            Some(HELLO) => {
                stream.write_all(&framed(&[AGENT_HELLO])?).await?;
                if frame.windows(11).any(|part| part == b"healthcheck") {
                    return Ok(());
                }
            }
            Some(NOTIFY) => {
                let numbers = numbers(&frame).context("a short frame")?;
                let answer = framed(&[b"\x67\0\0\0\x01", numbers, ALLOWED])?;
                stream.write_all(&answer).await?;
            }
            _ => return Ok(()),
        }
    }
}

/// The bytes of a frame's two numbers, which are copied.
fn numbers(frame: &[u8]) -> Option<&[u8]> {
    let rest = frame.get(PREFIX..)?;
    let mut length = 0;
    for _ in 0..2 {
        let first = *rest.get(length)?;
        length += 1;
        if first >= 240 {
            while *rest.get(length)? >= 128 {
                length += 1;
            }
            length += 1;
        }
    }
    rest.get(..length)
}

fn framed(parts: &[&[u8]]) -> Result<Vec<u8>> {
    let length = parts.iter().map(|part| part.len()).sum::<usize>();
    let mut all = u32::try_from(length)?.to_be_bytes().to_vec();
    parts.iter().for_each(|part| all.extend_from_slice(part));
    Ok(all)
}
