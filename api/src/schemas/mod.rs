//! The schemas of carriers, routes and explanations, whose types stand in `model`, which knows no schemas. A test holds them against what
//! those types write.

#![expect(dead_code, reason = "they are read for the API's document only")]

mod carriers;
mod explained;
mod routes;
mod words;

pub(crate) use self::{
    carriers::{ChangeAnyTrunk, CreateAnyTrunk, TrunkAnswer},
    explained::Explained,
    routes::{CalendarSchema, ChangeRoute, RouteAnswer, RouteSchema},
    words::came_by,
};
