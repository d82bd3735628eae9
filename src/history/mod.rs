//! Eras, scenarios, replay.
