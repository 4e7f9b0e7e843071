//! Authentication methods of Doorward, one file per method.
