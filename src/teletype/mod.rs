//! The teletype: codes, the procedure, the backend.
