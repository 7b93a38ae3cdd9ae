//! Waiting for news: IDLE (RFC 2177), begun anew before servers give an idle client up, or NOOP now and then where there is no IDLE.

use std::time::Duration;

use ::imap::client::Response;
use tokio::time::{Instant, sleep_until, timeout_at};

use super::client::{Client, News};
use super::exchange::Heard;
use crate::error::{Cause, Error};

/// RFC 2177 §3: begun anew every 29 minutes at least. Routers on the way forget sooner, and who was cut off is to notice.
const ANEW: Duration = Duration::from_secs(9 * 60);

/// How often a server without IDLE is asked.
const POLL: Duration = Duration::from_secs(60);

/// Waits for news of the mailbox that is open. [`Idle::end`] leaves it in good order; if it is dropped, the next command does.
pub struct Idle<'a> {
    client: &'a mut Client,
    /// When IDLE has to begin anew, or NOOP is said; nothing before the first time.
    until: Option<Instant>,
    anew: Duration,
    poll: Duration,
}

impl Client {
    /// Begins to wait for news.
    pub fn idle(&mut self) -> Idle<'_> {
        Idle {
            client: self,
            until: None,
            anew: ANEW,
            poll: POLL,
        }
    }
}

impl Idle<'_> {
    /// Whether the server has no IDLE, and is asked every minute instead.
    #[must_use]
    pub fn is_polling(&self) -> bool {
        !self.client.has("IDLE")
    }

    /// Other times for beginning anew and for asking.
    #[must_use]
    pub fn every(mut self, anew: Duration, poll: Duration) -> Self {
        self.anew = anew;
        self.poll = poll;
        self
    }

    /// The next news, whenever it comes. Dropping the future loses nothing.
    ///
    /// # Errors
    /// When the server is gone, or refuses.
    pub async fn next(&mut self) -> Result<News, Error> {
        let heard = match self.is_polling() {
            true => self.poll().await,
            false => self.wait().await,
        };
        let step = if self.is_polling() { "NOOP" } else { "IDLE" };
        heard.map_err(|cause| self.client.error(step, cause))
    }

    async fn poll(&mut self) -> Result<News, Cause> {
        loop {
            if let Some(news) = self.client.next_news() {
                return Ok(news);
            }
            if let Some(until) = self.until {
                sleep_until(until).await;
            }
            self.until = Some(Instant::now() + self.poll);
            let line = self.client.line("NOOP");
            self.client.run(line, Some).await?;
        }
    }

    async fn wait(&mut self) -> Result<News, Cause> {
        loop {
            if let Some(news) = self.client.next_news() {
                return Ok(news);
            }
            let until = match self.until.filter(|_| self.client.idling) {
                Some(until) => until,
                None => self.begin().await?,
            };
            // The server may be silent for as long as IDLE goes on.
            let far = self.anew + self.client.patience();
            match timeout_at(until, self.client.hear(far)).await {
                Ok(heard) => match heard? {
                    Heard::Response(Response::Done { tag, status }) if self.client.is_last(&tag) => {
                        self.client.idling = false;
                        self.client.open = 0;
                        if status.condition != ::imap::client::Condition::Ok {
                            return Err(super::client::refused(status));
                        }
                    }
                    Heard::Response(other) => self.client.pass(other)?,
                    Heard::Body(..) | Heard::Octets(_) => {}
                },
                Err(_) => self.leave().await?,
            }
        }
    }

    async fn begin(&mut self) -> Result<Instant, Cause> {
        let line = self.client.line("IDLE");
        self.client.say(line).await?;
        // From here on DONE has to be said, even if the caller waits no longer.
        self.client.idling = true;
        if let Err(cause) = self.client.wait_for_go_ahead().await {
            self.client.idling = false;
            return Err(cause);
        }
        let until = Instant::now() + self.anew;
        self.until = Some(until);
        Ok(until)
    }

    /// `DONE`, and what the server says to it.
    async fn leave(&mut self) -> Result<(), Cause> {
        if !self.client.idling {
            return Ok(());
        }
        self.client.idling = false;
        self.client.channel.say("DONE");
        self.client.until_done(Some).await.map(drop)
    }

    /// Ends the wait.
    ///
    /// # Errors
    /// When the server is gone.
    pub async fn end(mut self) -> Result<(), Error> {
        let left = self.leave().await;
        left.map_err(|cause| self.client.error("IDLE", cause))
    }
}
