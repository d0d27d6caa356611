//! Callbacks that wait in line for an instance that is free, behind one runtime API for all of them.

use std::{
    collections::HashMap,
    io::{Error, Result, Write},
    net::{SocketAddr, TcpStream},
    sync::{
        Arc, Mutex,
        mpsc::{self, Receiver, Sender},
    },
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::harness::{http, invocation, listening::listen};

/// A callback that has come.
pub(crate) struct Arrival {
    pub(crate) number: u64,
    pub(crate) event: String,
    /// When it came, by the clock.
    pub(crate) due: Instant,
}

/// What it was answered.
pub(crate) struct Answer {
    pub(crate) number: u64,
    pub(crate) status: u64,
    /// The wait in line and the call.
    pub(crate) took: Duration,
}

pub(crate) struct Line {
    pub(crate) arrivals: Sender<Arrival>,
    pub(crate) answers: Receiver<Answer>,
    /// Of the runtime API.
    pub(crate) address: SocketAddr,
}

/// The instances' side.
#[derive(Clone)]
struct Counter {
    waiting: Arc<Mutex<Receiver<Arrival>>>,
    /// When those were due that are with an instance.
    taken: Arc<Mutex<HashMap<u64, Instant>>>,
    answers: Sender<Answer>,
}

/// What invocations are called; the vault has it in its keys.
pub(crate) fn request_id(number: u64) -> String {
    format!("load-{number}")
}

impl Line {
    pub(crate) fn open() -> Self {
        let (arrivals, waiting) = mpsc::channel();
        let (answered, answers) = mpsc::channel();
        let counter = Counter {
            waiting: Arc::new(Mutex::new(waiting)),
            taken: Arc::default(),
            answers: answered,
        };
        let address = listen(move |stream| {
            // An instance closes its connections when it ends, which is watched elsewhere.
            let _ = counter.serve(stream);
        });
        Self {
            arrivals,
            answers,
            address,
        }
    }
}

impl Counter {
    fn serve(&self, mut stream: TcpStream) -> Result<()> {
        loop {
            let request = http::read(&mut stream)?;
            if request.line.contains("/invocation/next") {
                let waiting = self.waiting.lock().expect("no holder panics").recv();
                let arrival = waiting.map_err(Error::other)?;
                let Arrival { number, due, event } = arrival;
                self.taken
                    .lock()
                    .expect("no holder panics")
                    .insert(number, due);
                let answer = invocation::hand_out(&request_id(number), &event);
                stream.write_all(answer.as_bytes())?;
            } else {
                self.note(&request);
                stream.write_all(invocation::ACCEPTED.as_bytes())?;
            }
        }
    }

    /// `POST /2018-06-01/runtime/invocation/load-<number>/response HTTP/1.1`, or `/error`, which has
    /// no status.
    fn note(&self, request: &http::Message) {
        let number = request.line.split('/').find_map(|part| {
            let number = part.strip_prefix("load-")?;
            number.parse().ok()
        });
        let mut taken = self.taken.lock().expect("no holder panics");
        let Some((number, due)) = number.and_then(|number| Some((number, taken.remove(&number)?)))
        else {
            // Nobody waits for it; the one who does is missed.
            return;
        };
        let answer: Value = serde_json::from_slice(&request.body).unwrap_or_default();
        // The receiver is there as long as the program.
        let _ = self.answers.send(Answer {
            number,
            status: answer["statusCode"].as_u64().unwrap_or_default(),
            took: due.elapsed(),
        });
    }
}
