//! `[sign_in]`: the pages on which people sign in, and how long that lasts.

use std::path::Path;
use std::time::Duration;

use doorward_control::browser::brand::{Colour, LOGO_MAX, Logo};

use super::section::Section;

/// The longest name, in characters.
const NAME_MAX: usize = 60;

/// The pages for people.
pub struct SignInSettings {
    /// The operator's name on the pages.
    pub name: String,
    /// The colour of buttons.
    pub colour: Colour,
    /// The operator's logo.
    pub logo: Option<Logo>,
    /// How long a session lasts without use.
    pub idle: Duration,
    /// How long a session lasts in any case.
    pub lifetime: Duration,
}

pub(super) fn read(section: &mut Section<'_>, folder: &Path) -> SignInSettings {
    let origin = section.origin_of("name");
    let name = section
        .text("name")
        .unwrap_or_else(|| "Doorward".to_owned());
    let shown = !name.is_empty() && name.chars().count() <= NAME_MAX;
    if !shown || name.contains(char::is_control) {
        let fix = format!("Give 1 to {NAME_MAX} characters without line breaks.");
        section.error(origin, "`name` cannot be shown", fix);
    }
    let idle = section.duration("idle", Duration::from_secs(3600));
    let origin = section.origin_of("lifetime");
    let lifetime = section.duration("lifetime", Duration::from_secs(12 * 3600));
    if idle < Duration::from_secs(60) || idle > lifetime || lifetime > MAX_LIFETIME {
        let message = "`idle` and `lifetime` do not fit";
        let fix = "Give an `idle` of at least 1m that is not longer than `lifetime`, and a \
                   `lifetime` of at most 30d.";
        section.error(origin, message, fix);
    }
    SignInSettings {
        name,
        colour: colour(section),
        logo: logo(section, folder),
        idle,
        lifetime,
    }
}

/// The longest life of a session.
const MAX_LIFETIME: Duration = Duration::from_secs(30 * 86_400);

fn colour(section: &mut Section<'_>) -> Colour {
    let origin = section.origin_of("colour");
    let Some(text) = section.text("colour") else {
        return Colour::DEFAULT;
    };
    Colour::parse(&text).unwrap_or_else(|error| {
        let message = format!("`colour = \"{text}\"` is not a colour: {error}");
        section.error(origin, message, "Write it as `colour = \"#1a5fb4\"`.");
        Colour::DEFAULT
    })
}

fn logo(section: &mut Section<'_>, folder: &Path) -> Option<Logo> {
    let origin = section.origin_of("logo");
    let path = section.file("logo", folder)?;
    let small = path
        .metadata()
        .is_ok_and(|file| file.len() <= LOGO_MAX as u64);
    let bytes = small.then(|| std::fs::read(&path).ok()).flatten();
    let logo = bytes.and_then(|bytes| Logo::parse(bytes).ok());
    if logo.is_none() {
        let message = format!(
            "`logo`: {} is not an image that can be shown",
            path.display()
        );
        let fix = "Name a PNG, JPEG, WebP or SVG file of at most 256 KiB.";
        section.error(origin, message, fix);
    }
    logo
}
