//! Delivers events to one subscriber, in batches. A subscriber that doesn't take them costs nobody
//! but itself: what it could not be told is counted, and it is told that.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::json;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep, sleep_until, timeout};

use crate::system::http::post::post_json;
use crate::telemetry::log_time;
use crate::telemetry::subscribers::subscription::{Buffering, SubscriberAddress};

/// The most that waits for one subscriber, in bytes.
const WAITING_BYTES: usize = 16 * 1024 * 1024;

/// How long a subscriber may take over a batch.
const PATIENCE: Duration = Duration::from_secs(5);

/// The waits before a batch is sent again: a subscriber may not listen yet.
const RETRIES: [Duration; 3] =
    [Duration::from_millis(50), Duration::from_millis(200), Duration::from_secs(1)];

/// The way to one subscriber. What waits is delivered when it is dropped.
#[derive(Debug)]
pub(crate) struct Delivery {
    messages: mpsc::UnboundedSender<DeliveryRequest>,
    waiting: Arc<AtomicUsize>,
}

#[derive(Debug)]
enum DeliveryRequest {
    Event(String),
    /// An event of so many bytes that there was no room for.
    Dropped(usize),
    /// Deliver what there is, and say so.
    Flush(oneshot::Sender<()>),
}

impl Delivery {
    /// Delivers from now on.
    #[must_use]
    pub(crate) fn start(destination: SubscriberAddress, buffering: Buffering) -> Self {
        let (messages, receiver) = mpsc::unbounded_channel();
        let waiting = Arc::new(AtomicUsize::new(0));
        let courier = Courier {
            destination,
            buffering,
            waiting: Arc::clone(&waiting),
            batch: Vec::new(),
            bytes: 0,
            lost: Lost::default(),
        };
        tokio::spawn(courier.run(receiver));
        Self { messages, waiting }
    }

    /// Delivers an event with the batch that it comes into.
    pub(crate) fn send(&self, json: String) {
        let bytes = json.len();
        let waiting = self.waiting.fetch_add(bytes, Ordering::Relaxed);
        let message = if waiting + bytes > WAITING_BYTES {
            self.waiting.fetch_sub(bytes, Ordering::Relaxed);
            DeliveryRequest::Dropped(bytes)
        } else {
            DeliveryRequest::Event(json)
        };
        // The other end lives as long as this one.
        let _ = self.messages.send(message);
    }

    /// Delivers at once what there is; the receiver gets word when that has been tried.
    #[must_use]
    pub(crate) fn flush(&self) -> oneshot::Receiver<()> {
        let (done, flushed) = oneshot::channel();
        let _ = self.messages.send(DeliveryRequest::Flush(done));
        flushed
    }
}

struct Courier {
    destination: SubscriberAddress,
    buffering: Buffering,
    waiting: Arc<AtomicUsize>,
    batch: Vec<String>,
    bytes: usize,
    lost: Lost,
}

/// What a subscriber was not told.
#[derive(Default)]
struct Lost {
    records: usize,
    bytes: usize,
}

impl Courier {
    async fn run(mut self, mut messages: mpsc::UnboundedReceiver<DeliveryRequest>) {
        let mut due = None;
        loop {
            tokio::select! {
                () = until(due) => self.deliver().await,
                message = messages.recv() => match message {
                    None => return self.deliver().await,
                    Some(DeliveryRequest::Dropped(bytes)) => self.lost.add(1, bytes),
                    Some(DeliveryRequest::Event(json)) => self.add(json),
                    Some(DeliveryRequest::Flush(done)) => {
                        self.deliver().await;
                        let _ = done.send(());
                    }
                },
            }
            let Buffering { max_items, max_bytes, timeout } = self.buffering;
            if self.batch.len() >= max_items || self.bytes >= max_bytes {
                self.deliver().await;
            }
            due = if self.batch.is_empty() {
                None
            } else {
                due.or_else(|| Some(Instant::now() + timeout))
            };
        }
    }

    fn add(&mut self, json: String) {
        self.bytes += json.len();
        self.batch.push(json);
    }

    async fn deliver(&mut self) {
        if self.lost.records > 0 {
            let told = std::mem::take(&mut self.lost).event();
            self.waiting.fetch_add(told.len(), Ordering::Relaxed);
            self.add(told);
        }
        if self.batch.is_empty() {
            return;
        }
        let batch = std::mem::take(&mut self.batch);
        let bytes = std::mem::take(&mut self.bytes);
        let (events, destination) = (batch.len(), &self.destination);
        if self.sent(&batch).await {
            tracing::debug!(?destination, events, "telemetry delivered");
        } else {
            tracing::debug!(?destination, events, "telemetry not delivered");
            self.lost.add(events, bytes);
        }
        self.waiting.fetch_sub(bytes, Ordering::Relaxed);
    }

    async fn sent(&self, batch: &[String]) -> bool {
        for wait in RETRIES.into_iter().map(Some).chain([None]) {
            if timeout(PATIENCE, self.attempt(batch)).await.unwrap_or(false) {
                return true;
            }
            let Some(wait) = wait else { break };
            sleep(wait).await;
        }
        false
    }

    async fn attempt(&self, batch: &[String]) -> bool {
        match &self.destination {
            SubscriberAddress::Http(url) => {
                let array = format!("[{}]", batch.join(","));
                post_json(url, array.into(), PATIENCE).await.is_ok_and(|status| status.is_success())
            }
            SubscriberAddress::Tcp(port) => {
                let Ok(mut stream) = TcpStream::connect(("127.0.0.1", *port)).await else {
                    return false;
                };
                let lines = format!("{}\n", batch.join("\n"));
                stream.write_all(lines.as_bytes()).await.is_ok() && stream.shutdown().await.is_ok()
            }
        }
    }
}

impl Lost {
    fn add(&mut self, records: usize, bytes: usize) {
        self.records += records;
        self.bytes += bytes;
    }

    fn event(&self) -> String {
        let record = json!({
            "reason": "Consumer seems to have fallen behind as it has not acknowledged receipt of logs.",
            "droppedRecords": self.records,
            "droppedBytes": self.bytes,
        });
        json!({ "time": log_time::now(), "type": "platform.logsDropped", "record": record })
            .to_string()
    }
}

async fn until(due: Option<Instant>) {
    match due {
        Some(due) => sleep_until(due).await,
        None => std::future::pending().await,
    }
}
