//! What the modules let people do, and what they list.

use model::Resource;
use office::rights::{Part, Permission, Reaches};

use crate::tags;

macro_rules! permissions {
    ($($name:ident $text:literal $reaches:ident $about:literal;)*) => {
        /// The permissions of this room, by name.
        pub mod can {
            use model::Action;
            $(#[doc = $about] pub const $name: Action = Action($text);)*
        }

        static PERMISSIONS: &[Permission] =
            &[$(Permission { action: can::$name, about: $about, reaches: Reaches::$reaches }),*];
    };
}

permissions! {
    TAGS_READ "tags.read" LISTED "See tags, and those of calls that one sees.";
    TAGS_SET "tags.set" LISTED "Set tags on calls.";
    TAGS_UNSET "tags.unset" LISTED "Take tags off calls.";
    TAGS_MANAGE "tags.manage" CENTER "Make, change and delete tags and their groups.";
}

static RESOURCES: &[&Resource] = &[&tags::TAG_GROUPS, &tags::TAGS];

/// What the modules bring into the office's catalogue.
#[must_use]
pub fn part() -> Part {
    Part { permissions: PERMISSIONS, resources: RESOURCES, events: &[] }
}
