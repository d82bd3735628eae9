//! `molink check` on station files that can be read, and would not do what they seem to.

use crate::support::{House, SOON, text};
use molink::station::{Station, StationConfig};

/// A gateway that only receives, with more of `line`, of the port and of the file.
fn gateway(house: &House, line: &str, rest: &str) {
    let file = format!(
        "station = \"washington\"\ndata = \"w\"\nlisten = \"off\"\n[desk.operator]\n[port.post]\nbackend = \"email\"\nkind = \"gateway\"\n\
         line = {{ listen = \"127.0.0.1:0\"{line} }}\n{rest}"
    );
    house.file("w.toml", file);
}

/// The exit code, the rows that are bad, and what else was said to be wrong.
fn checked(house: &House) -> (Option<i32>, Vec<String>, String) {
    let done = house.run(&["check", "w.toml"], SOON);
    let bad = text(&done.stdout).lines().filter_map(|l| l.strip_prefix("bad   ").map(str::to_owned)).collect();
    (done.status.code(), bad, text(&done.stderr))
}

#[test]
fn a_route_to_a_port_that_only_receives_is_bad() {
    let house = House::new();
    let route = "[[route]]\nto = \"*@mail\"\nports = [\"post\"]\n";
    gateway(&house, "", route);
    let why = "route to *@mail: nothing leaves by port post: it only receives; give its `line` an `smtp`, or take it out of the route";
    assert_eq!(checked(&house), (Some(2), vec![why.to_owned()], String::new()));
    gateway(&house, ", smtp = \"127.0.0.1:9\"", route);
    assert_eq!(checked(&house), (Some(0), vec![], String::new()), "nobody is called");
    gateway(&house, "", "");
    assert_eq!(checked(&house), (Some(0), vec![], String::new()), "and without a route it may only receive");
}

#[test]
fn two_stations_with_one_mail_domain_are_refused_also_where_one_has_its_name_for_it() {
    let house = House::new();
    let refused = |domains: &str, words: &str| {
        gateway(&house, "", &format!("domains = {{ {domains} }}\n"));
        let (code, _, why) = checked(&house);
        assert!(code == Some(2) && why.contains("w.toml:9: port `post`: `domains`: ") && why.contains(words), "{why}");
    };
    refused("washington = \"hotline.example\", moscow = \"Hotline.Example\"", "have one domain");
    refused("moscow = \"washington\"", "`washington` is moscow's and washington's too");
    gateway(&house, "", "domains = { washington = \"hotline.example\", moscow = \"moscow.example\" }\n");
    assert_eq!(checked(&house).0, Some(0));
}

#[test]
fn a_user_whose_desk_does_not_exist_is_bad() {
    let house = House::new();
    gateway(&house, "", "users = \"users.toml\"\n");
    let user = |name: &str, desk: &str| {
        let users = molink::email::backend_users::Users::at(house.path("users.toml"));
        users.put(name, "1963-08-30", Some(desk.parse().unwrap())).unwrap();
    };
    user("anna", "operator");
    assert_eq!(checked(&house), (Some(0), vec![], String::new()));
    user("duty", "operater");
    let why = "port post: user `duty` is to write from a desk, and there is no desk `operater` here; did you mean `operator`";
    assert_eq!(checked(&house), (Some(2), vec![why.to_owned()], String::new()));
}

#[tokio::test]
async fn the_data_folder_of_a_station_that_runs_is_bad_for_as_long_as_it_runs() {
    let house = House::new();
    house.file("w.toml", "station = \"washington\"\ndata = \"w\"\nlisten = \"off\"\n");
    let running = Station::builder().start(StationConfig::read(&house.path("w.toml")).unwrap()).await.unwrap();
    let (code, bad, _) = checked(&house);
    let why = format!("w/journal.sqlite` is in use by another station (process {}); stop that one", std::process::id());
    assert!(code == Some(2) && bad.len() == 1 && bad[0].starts_with("data folder w: the journal `") && bad[0].contains(&why), "{bad:?}");
    running.stop().await.unwrap();
    assert_eq!(checked(&house), (Some(0), vec![], String::new()));
}
