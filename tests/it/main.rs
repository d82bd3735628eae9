//! The one test binary.

mod accidents;
mod answers;
mod api;
mod backend;
mod certs;
mod cipher;
mod cipher_page;
mod codes;
mod commands;
mod conformance;
mod convert;
mod convert_bad;
mod convert_peers;
mod convert_tiff;
mod courier;
mod cuts;
mod desk;
mod desk_live;
mod desk_mail;
mod desk_mail_peers;
mod dialogues;
mod docs;
mod durability;
mod email_limits;
mod email_room;
mod email_server;
mod exchange;
mod fax_backend;
mod fax_call;
mod fax_cipher;
#[cfg_attr(not(feature = "faults"), allow(dead_code))]
mod fax_cipher_live;
mod fax_codes;
mod fax_damage;
mod fax_dialogues;
mod fax_document;
mod fax_facility;
mod fax_pages;
mod fax_papers;
mod fax_pdf;
mod fax_processes;
mod fax_send;
mod fax_spool;
mod fax_terminal;
mod fuzz;
mod gateways;
mod hostile;
mod ip;
mod journal;
#[cfg_attr(not(feature = "faults"), allow(dead_code))]
mod judge;
mod keys;
#[cfg(feature = "faults")]
mod kill;
#[allow(dead_code)] // times are for the bench
#[path = "../peers/libtiff.rs"]
mod libtiff;
mod line;
mod lines;
mod mail;
mod mail_durability;
#[cfg(feature = "faults")]
mod mail_kills;
mod mail_peers;
mod mixer;
mod motor;
mod pair;
mod paper;
mod paper_commands;
mod papers;
mod printer;
mod procedure;
mod processes;
mod punch;
mod rooms;
mod satellites;
mod satellites_live;
mod send;
mod smtp_dialogues;
mod smtp_pair;
mod smtp_smuggling;
#[path = "../peers/spandsp.rs"]
mod spandsp;
mod storm;
#[cfg_attr(not(feature = "faults"), allow(dead_code))]
mod support;
mod t38;
mod t38_line;
mod t38_net;
mod t38_peer;
mod t38_processes;
mod tape;
mod tiff_bad;
mod tiff_files;
mod tiff_made;
mod tiff_memory;
mod tiff_peers;
mod tls;
mod tty;
mod unplug;
mod watched;
mod wire;
mod world;
