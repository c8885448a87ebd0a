//! A text that is drawn by whoever reads it, and not by whoever gives it away.

use std::{fmt, sync::Arc};

/// What can be drawn as text, at some cost.
pub trait Draw: fmt::Debug + Send + Sync {
    /// The text; the same each time.
    fn text(&self) -> String;
}

/// Something that its giver had at hand, and its reader wants as text: a core that has no time to draw shares what it knows.
#[derive(Clone)]
pub struct Drawing(Arc<dyn Draw>);

impl Drawing {
    /// A drawing of this.
    #[must_use]
    pub fn new(of: impl Draw + 'static) -> Self {
        Self(Arc::new(of))
    }

    /// Draws it, anew at each call.
    #[must_use]
    pub fn text(&self) -> String {
        self.0.text()
    }
}

/// What it is a drawing of, undrawn: this is cheap.
impl fmt::Debug for Drawing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Two drawings are the same if they read the same. Both are drawn for it.
impl PartialEq for Drawing {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.text() == other.text()
    }
}

impl Eq for Drawing {}

/// A text that is drawn already.
impl Draw for String {
    fn text(&self) -> String {
        self.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drawings_are_the_same_if_they_read_the_same() {
        #[derive(Debug)]
        struct Two;

        impl Draw for Two {
            fn text(&self) -> String {
                "two".to_owned()
            }
        }

        let two = Drawing::new(Two);
        assert_eq!(two, Drawing::new("two".to_owned()));
        assert_eq!(two, two.clone());
        assert_ne!(two, Drawing::new("three".to_owned()));
        assert_eq!(format!("{two:?}"), "Two");
    }
}
