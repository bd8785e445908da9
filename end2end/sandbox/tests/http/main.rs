//! The sandbox over HTTPS, as a client meets it.

#[cfg(test)]
mod accounts;
#[cfg(test)]
mod admin;
#[cfg(test)]
mod aliases;
#[cfg(test)]
mod api_keys;
#[cfg(test)]
mod binary;
#[cfg(test)]
mod browser;
#[cfg(test)]
mod closed_apps;
#[cfg(test)]
mod control;
#[cfg(test)]
mod engine;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod floods;
#[cfg(test)]
mod fresh_keys;
#[cfg(test)]
mod gate;
#[cfg(test)]
mod gateways;
#[cfg(test)]
mod jwt_users;
#[cfg(test)]
mod login;
#[cfg(test)]
mod oauth_assertions;
#[cfg(test)]
mod oauth_clients;
#[cfg(test)]
mod oauth_codes;
#[cfg(test)]
mod oauth_elsewhere;
#[cfg(test)]
mod oauth_tokens;
#[cfg(test)]
mod reading;
#[cfg(test)]
mod sessions;
#[cfg(test)]
mod sign_in;
#[cfg(test)]
mod support;
#[cfg(test)]
mod universal_login;
