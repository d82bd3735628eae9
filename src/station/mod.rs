//! A configuration made into a running station.
