//! What the modules decide, apart from where it is kept: no IO, no clock, no chance. The time is an argument; a test holds these files to it.
