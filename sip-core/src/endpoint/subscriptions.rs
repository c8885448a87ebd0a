//! SUBSCRIBE and NOTIFY of the packages of [`crate::notifier`] (RFC 6665).

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;

use super::{
    Endpoint, EndpointSettings, ServerTx, SessionId,
    check::{Refusal, media_type},
    notify::{Left, ends_subscription},
    reoffer::leading_seconds,
};
use crate::{
    dialog::Dialog,
    flow::Flow,
    message::{Contacts, Message, Method, Name, peer_flow},
    notifier::{
        DialogTags, NOTIFY_PAUSE, Notice, Package, SubscriptionId, event,
        table::{Key, Subscription},
    },
    session::{Stage, disarm},
    timer::Timer,
    transaction::{Outgoing, Owner, Purpose, Tag, Transactions, Wire},
    uri::SipUri,
};

/// Nobody waits for the outcome of this one's NOTIFYs.
const OVER: SubscriptionId = SubscriptionId(u64::MAX);
/// The longest Retry-After of a refused NOTIFY that is heeded, in seconds: the subscription lapses meanwhile.
const RETRY_AFTER_S_MAX: u32 = 3_600;

/// What it takes to send a NOTIFY.
struct Sender<'e> {
    now: Instant,
    wire: &'e mut Wire,
    transactions: &'e mut Transactions,
    settings: &'e EndpointSettings,
}

impl Endpoint {
    /// Takes a SUBSCRIBE that came as [`super::EndpointOutput::Request`], from somebody who may know the state of `resource`: a new one, a
    /// refresh, or the end of one. `notice` is that state now, of the package that the SUBSCRIBE names ([`Package::of`]). It is answered here,
    /// and a NOTIFY follows.
    ///
    /// `None`: there is no subscription (any more): it was refused (423, 481, 500, 503), ended, or wanted to know it once; or it waits for its
    /// answer no longer.
    pub fn subscribe(&mut self, now: Instant, tx: ServerTx, subscriber: u64, resource: u64, notice: Notice) -> Option<SubscriptionId> {
        let server = self.transactions.server(tx)?;
        let (source, tag, message) = (server.source, server.tag, server.request.clone()?);
        if self.transactions.held() == Some(tx) && !self.transactions.has_room_outside() {
            let seconds = self.retry_after();
            self.answer_once(tx, (503, ""), &[("Retry-After", seconds)]);
            return None;
        }
        let (package, event_id) = event(&message);
        if package != Some(notice.package()) {
            self.respond(now, tx, 489, None, &[("Allow-Events", self.settings.extras.allow_events().to_owned())]);
            return None;
        }
        let expires = match self.interval(&message) {
            Ok(expires) => expires,
            Err(min) => {
                self.respond(now, tx, 423, None, &[("Min-Expires", min.to_string())]);
                return None;
            }
        };
        let key = (notice.package(), resource);
        let flow = peer_flow(&message, source);
        match message.to_tag() {
            Some(_) => self.resubscribe(now, (tx, &message, flow), (subscriber, key, event_id), expires, notice),
            None => {
                let dialog = Dialog::as_server(&message, source, tag)?;
                let subscription = Subscription {
                    tag,
                    dialog,
                    subscriber,
                    key,
                    event_id: event_id.map(Bytes::copy_from_slice),
                    until: now + Duration::from_secs(expires.into()),
                    expiry: None,
                    version: 0,
                    sent: false,
                    due: true,
                    not_before: now,
                    pause: None,
                    lost: false,
                };
                self.subscribe_anew(now, tx, subscription, expires, notice)
            }
        }
    }

    /// What is watched has changed: everybody who watches it is told, none more often than once in [`NOTIFY_PAUSE`]. Nothing is sent if it is
    /// what was told before.
    pub fn publish(&mut self, now: Instant, resource: u64, notice: Notice) {
        let key = (notice.package(), resource);
        if self.subscriptions.renew(key, notice) {
            self.tell_watchers(now, key);
        }
    }

    fn tell_watchers(&mut self, now: Instant, key: Key) {
        for id in self.subscriptions.watchers(key) {
            if let Some(subscription) = self.subscriptions.get_mut(id) {
                subscription.due = true;
            }
            self.notify_due(now, id);
        }
    }

    /// There is nothing to be watched any more: all who do are told so.
    pub fn withdraw(&mut self, now: Instant, package: Package, resource: u64) {
        for id in self.subscriptions.watchers((package, resource)) {
            self.end_subscription(now, id, "noresource");
        }
    }

    /// A subscriber may watch nothing any more, and is told so.
    pub fn unsubscribe(&mut self, now: Instant, subscriber: u64) {
        for id in self.subscriptions.all_of(subscriber) {
            self.end_subscription(now, id, "rejected");
        }
    }

    /// Whether somebody watches that, so that its state is worth telling.
    #[must_use]
    pub fn is_watched(&self, package: Package, resource: u64) -> bool {
        self.subscriptions.is_watched((package, resource))
    }

    /// Subscriptions that are not over.
    #[must_use]
    pub fn subscriptions(&self) -> usize {
        self.subscriptions.len()
    }

    /// How many subscriptions a subscriber has.
    #[must_use]
    pub fn subscriptions_of(&self, subscriber: u64) -> usize {
        self.subscriptions.len_of(subscriber)
    }

    /// Whose state the subscription is of, within which a SUBSCRIBE comes: its Request-URI is ours, and says nothing (RFC 6665, 4.4.1). `None`:
    /// it begins one.
    #[must_use]
    pub fn watched_by(&self, subscribe: &Message) -> Option<u64> {
        let id = self.subscription_of(subscribe.to_tag()?, subscribe)?;
        self.subscriptions.get(id).map(|subscription| subscription.key.1)
    }

    /// As [`Endpoint::flow_moved`], for what a subscriber is told. What could not be told by a stream that was gone is told now.
    pub fn subscriber_moved(&mut self, now: Instant, subscriber: u64, old: Flow, new: Flow) {
        for id in self.subscriptions.move_flow(subscriber, old, new) {
            self.notify_due(now, id);
        }
    }

    /// By what a session may be named in a Replaces header, as its phone knows it: for [`crate::notifier::WatchedDialog`]. `None` while nobody
    /// has answered us with a tag, and for one that is over.
    #[must_use]
    pub fn tags_of(&self, session: SessionId) -> Option<DialogTags> {
        let session = self.sessions.get(session.0)?;
        let dialog = match &session.stage {
            Stage::Incoming(incoming) => &incoming.dialog,
            Stage::Calling(calling) => &calling.early.iter().find(|early| !early.is_over)?.dialog,
            Stage::Talking(talking) => &talking.dialog,
            Stage::Leaving(_) => return None,
        };
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).ok();
        Some(DialogTags { call_id: text(dialog.call_id())?, local_tag: text(dialog.remote_tag())?, remote_tag: text(&session.tag.text())? })
    }

    /// A SUBSCRIBE, before anybody is asked: what is wrong with it whoever sent it.
    pub(super) fn subscribable(&self, message: &Message) -> Result<(), Refusal> {
        let Some(package) = Package::of(message) else {
            return Err(Refusal::with(489, "Allow-Events", self.settings.extras.allow_events()));
        };
        // RFC 6665, 4.1.3: it makes or refreshes a dialog.
        let Ok(Contacts::List(contacts)) = message.contacts() else { return Err(Refusal::plain(400)) };
        if !matches!(contacts.as_slice(), [contact] if SipUri::parse(contact.uri).is_ok()) {
            return Err(Refusal::plain(400));
        }
        let mut accepted = message.values(Name::Accept).map(media_type).peekable();
        let ours = [package.content_type(), "application/*", "*/*"];
        if accepted.peek().is_some() && !accepted.any(|kind| ours.iter().any(|ours| kind.eq_ignore_ascii_case(ours.as_bytes()))) {
            return Err(Refusal::with(406, "Accept", package.content_type()));
        }
        Ok(())
    }

    /// The subscription whose dialog a request is of, by our tag and the Call-ID.
    pub(super) fn subscription_of(&self, to_tag: &[u8], message: &Message) -> Option<SubscriptionId> {
        let id = self.subscriptions.by_tag(Tag::parse(to_tag)?)?;
        self.subscriptions.get(id).filter(|subscription| subscription.dialog.is_of(message)).map(|_| id)
    }

    /// How long it may last, in seconds; or the least that does.
    fn interval(&self, message: &Message) -> Result<u32, u32> {
        let settings = &self.settings.notifier;
        match message.expires().unwrap_or(None).unwrap_or(settings.expires_default_s) {
            0 => Ok(0),
            asked if asked < settings.expires_min_s => Err(settings.expires_min_s),
            asked => Ok(asked.min(settings.expires_max_s)),
        }
    }

    fn subscribe_anew(
        &mut self,
        now: Instant,
        tx: ServerTx,
        mut subscription: Subscription,
        expires: u32,
        notice: Notice,
    ) -> Option<SubscriptionId> {
        if expires == 0 {
            // RFC 6665, 4.4.3: it is told once.
            self.accept_subscribe(now, tx, 0);
            self.sender(now).send(&mut subscription, OVER, &notice, Left::Nothing("timeout"));
            return None;
        }
        let subscriber = subscription.subscriber;
        if self.subscriptions.len_of(subscriber) >= self.settings.notifier.subscriber_max.max(1)
            && let Some(oldest) = self.subscriptions.oldest_of(subscriber)
        {
            self.end_subscription(now, oldest, "rejected");
        }
        if self.subscriptions.len() >= self.settings.notifier.subscriptions_max {
            let seconds = self.retry_after();
            self.respond(now, tx, 503, None, &[("Retry-After", seconds)]);
            return None;
        }
        self.accept_subscribe(now, tx, expires);
        let (key, until) = (subscription.key, subscription.until);
        // Others who watch the same hear of it, too, if it is news.
        self.publish(now, key.1, notice.clone());
        let id = self.subscriptions.insert(subscription, Arc::new(notice));
        let expiry = self.wire.timers.arm(until, Owner::Subscription(id), Timer::Subscribed);
        if let Some(subscription) = self.subscriptions.get_mut(id) {
            subscription.expiry = Some(expiry);
        }
        self.notify_due(now, id);
        Some(id)
    }

    /// A SUBSCRIBE within the dialog of a subscription: by the same subscriber, and of the same event.
    fn resubscribe(
        &mut self,
        now: Instant,
        (tx, message, flow): (ServerTx, &Message, Flow),
        (subscriber, key, event_id): (u64, Key, Option<&[u8]>),
        expires: u32,
        notice: Notice,
    ) -> Option<SubscriptionId> {
        let id = message.to_tag().and_then(|tag| self.subscription_of(tag, message));
        let is_it = |subscription: &&mut Subscription| {
            subscription.subscriber == subscriber && subscription.key == key && subscription.event_id.as_deref() == event_id
        };
        let Some((id, subscription)) = id.and_then(|id| Some((id, self.subscriptions.get_mut(id).filter(is_it)?))) else {
            self.respond(now, tx, 481, None, &[]);
            return None;
        };
        if !subscription.dialog.take_seq(message.cseq().map_or(0, |cseq| cseq.number)) {
            self.respond(now, tx, 500, None, &[]);
            return None;
        }
        subscription.dialog.refresh_target(message);
        subscription.until = now + Duration::from_secs(expires.into());
        subscription.due = true;
        let (until, before) = (subscription.until, subscription.expiry.take());
        disarm(&mut self.wire.timers, before);
        self.subscriptions.set_flow(id, flow);
        self.accept_subscribe(now, tx, expires);
        let is_news = self.subscriptions.renew(key, notice);
        if expires == 0 {
            self.end_subscription(now, id, "timeout");
        }
        if is_news {
            self.tell_watchers(now, key);
        }
        if expires == 0 {
            return None;
        }
        let expiry = self.wire.timers.arm(until, Owner::Subscription(id), Timer::Subscribed);
        if let Some(subscription) = self.subscriptions.get_mut(id) {
            subscription.expiry = Some(expiry);
        }
        self.notify_due(now, id);
        Some(id)
    }

    fn accept_subscribe(&mut self, now: Instant, tx: ServerTx, expires: u32) {
        let (Some(mut head), Some(place)) = (self.head(tx, 200, ""), self.place_of(tx)) else { return };
        head.own_contact(place).number_header("Expires", expires, "");
        self.transactions.reply(&mut self.wire, now, tx, 200, head.end());
    }

    /// Says what is new, unless a NOTIFY is on its way, or it is too soon.
    fn notify_due(&mut self, now: Instant, id: SubscriptionId) {
        let has_room = self.transactions.has_room_notifying(self.settings.notifier.notifies_max);
        let Some(subscription) = self.subscriptions.get_mut(id).filter(|subscription| subscription.is_to_be_told()) else {
            return;
        };
        if !has_room {
            subscription.not_before = subscription.not_before.max(now + NOTIFY_PAUSE);
        }
        if subscription.not_before > now {
            if subscription.pause.is_none() {
                subscription.pause = Some(self.wire.timers.arm(subscription.not_before, Owner::Subscription(id), Timer::Notify));
            }
            return;
        }
        let key = subscription.key;
        let Some(notice) = self.subscriptions.notice(key) else { return };
        let Self { subscriptions, wire, transactions, settings, .. } = self;
        let Some(subscription) = subscriptions.get_mut(id) else { return };
        subscription.due = false;
        subscription.sent = true;
        subscription.not_before = now + NOTIFY_PAUSE;
        let left = Left::until(now, subscription.until);
        Sender { now, wire, transactions, settings }.send(subscription, id, &notice, left);
    }

    fn sender(&mut self, now: Instant) -> Sender<'_> {
        Sender { now, wire: &mut self.wire, transactions: &mut self.transactions, settings: &self.settings }
    }

    /// A NOTIFY was answered; `None`: it was not. RFC 6665, 4.2.2: what says that nobody listens ends the subscription.
    pub(super) fn notified(&mut self, now: Instant, id: SubscriptionId, response: Option<&Message>) {
        let status = response.map_or(0, Message::status);
        let is_lost = status == 0 && self.subscriptions.get(id).is_some_and(|subscription| subscription.lost);
        if ends_subscription(status) && !is_lost {
            self.drop_subscription(id);
            return;
        }
        let Some(subscription) = self.subscriptions.get_mut(id) else { return };
        subscription.sent = false;
        subscription.due |= is_lost;
        let again = response.and_then(|response| response.header(Name::RetryAfter)).and_then(leading_seconds).filter(|_| status >= 300);
        if let Some(after) = again {
            subscription.due = true;
            let after = Duration::from_secs(after.clamp(1, RETRY_AFTER_S_MAX).into());
            subscription.not_before = subscription.not_before.max(now + after);
        }
        self.notify_due(now, id);
    }

    pub(super) fn subscription_timer(&mut self, now: Instant, id: SubscriptionId, timer: Timer) {
        if timer == Timer::Subscribed {
            return self.end_subscription(now, id, "timeout");
        }
        if let Some(subscription) = self.subscriptions.get_mut(id) {
            subscription.pause = None;
        }
        self.notify_due(now, id);
    }

    /// With its last NOTIFY, if there is room for that.
    fn end_subscription(&mut self, now: Instant, id: SubscriptionId, why: &'static str) {
        let notice = self.subscriptions.get(id).and_then(|subscription| self.subscriptions.notice(subscription.key));
        let (Some(mut subscription), Some(notice)) = (self.drop_subscription(id), notice) else { return };
        if subscription.lost {
            return;
        }
        self.sender(now).send(&mut subscription, OVER, &notice, Left::Nothing(why));
    }

    fn drop_subscription(&mut self, id: SubscriptionId) -> Option<Subscription> {
        let mut subscription = self.subscriptions.remove(id)?;
        disarm(&mut self.wire.timers, subscription.expiry.take());
        disarm(&mut self.wire.timers, subscription.pause.take());
        Some(subscription)
    }
}

impl Sender<'_> {
    /// Sends one, if there is room.
    fn send(&mut self, subscription: &mut Subscription, id: SubscriptionId, notice: &Notice, left: Left) {
        if !self.transactions.has_room_notifying(self.settings.notifier.notifies_max) {
            return;
        }
        let Subscription { dialog, key: (package, _), event_id, version, .. } = subscription;
        let (flow, branch) = (dialog.flow, self.wire.draw_branch());
        let mut writer = dialog.next_request(Method::Notify, self.settings.via(flow, branch));
        writer.own_contact(self.settings.place(flow));
        let name = package.as_str().as_bytes();
        match event_id {
            Some(event_id) => writer.parts("Event", &[name, b";id=", event_id]),
            None => writer.parts("Event", &[name]),
        };
        left.write(&mut writer);
        if !self.settings.user_agent.is_empty() {
            writer.header("User-Agent", &self.settings.user_agent);
        }
        let bytes = writer.body(package.content_type(), notice.body(*version).as_bytes());
        *version = version.wrapping_add(1);
        let outgoing = Outgoing { flow, branch, method: Method::Notify, bytes, purpose: Purpose::Notify(id) };
        self.transactions.request(self.wire, self.now, outgoing);
    }
}
