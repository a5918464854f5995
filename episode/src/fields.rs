//! Reading a TOML table field by field.
