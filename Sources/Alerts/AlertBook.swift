// The alert events folded: what changed of late, which destinations there are, and what each has still
// to be told.
//
//     status changed ──► one delivery for each active destination ──► attempts ──► taken, or given up
//
// A delivery stays here until an attempt that took it, or gave it up, is in the log. A process that
// ends between sending and writing that down sends again: at least once, under the same id, by which
// a receiver knows what it had.
//
// Invariants:
//  * The same events in the same order give the same book. Folding the last event again changes nothing, nor
//    the last ones where none of them switches a destination: a switch drops what waits, also what came after it.
//  * A destination is told of what changed while it was active, and of nothing before it was created.
//  * At most `pendingCountMax` deliveries wait for a destination: what a change leaves no room for, the
//    oldest, is given up by an event in the same commit, and counted.
//  * A destination that is gone, switched off or removed has nothing waiting.
//  * No delivery waits for a moment that a clock named which has gone back since: it is due.

import Assays
import JSON
import Records

/// Why a command was refused.
package enum AlertError: Error, Hashable, Sendable, CustomStringConvertible {
    case unknownWebhook(WebhookID)
    case tooManyWebhooks

    package var description: String {
        switch self {
        case .unknownWebhook(let id): "there is no webhook \(id); list the webhooks to see which there are"
        case .tooManyWebhooks:
            "there are \(AlertBook.webhookCountMax) webhooks already; delete some first"
        }
    }
}

/// A destination.
package struct Webhook: Hashable, Sendable {
    package let id: WebhookID
    package let address: WebhookAddress
    /// Signs its messages; no list shows it.
    package let secret: WebhookSecret
    package let createdAt: Timestamp
    /// One that is not active gets nothing, and what waited for it was dropped.
    package fileprivate(set) var isActive = true
    /// Whether it said itself that it is gone.
    package fileprivate(set) var isGone = false
    /// Messages that it took, each once however often it was sent.
    package fileprivate(set) var deliveredCount = 0
    /// Attempts that came to nothing, several of one message counted each.
    package fileprivate(set) var failedAttemptCount = 0
    /// Messages it will not get: too many waited, all attempts failed, or it said that it is gone.
    package fileprivate(set) var givenUpCount = 0
    /// Nil before the first.
    package fileprivate(set) var lastAttempt: DeliveryAttempt?

    fileprivate init(_ creation: WebhookCreation) {
        id = creation.id
        address = creation.address
        secret = creation.secret
        createdAt = creation.at
    }
}

/// Something a destination has still to be told.
package struct Delivery: Hashable, Sendable {
    package let webhook: WebhookID
    package let change: StatusChange
    /// Attempts that are in the log; the next is this and one.
    package fileprivate(set) var attemptCount = 0
    /// Not to be sent before. At first the moment of the change: at once.
    package fileprivate(set) var dueAt: Timestamp
    /// When that was said: before then the clock has gone back, and whether it was ahead then or is behind now, a
    /// receiver is better told too early than a day late.
    fileprivate var saidAt: Timestamp

    /// Whether it is to be sent at `now`.
    fileprivate func isDue(at now: Timestamp) -> Bool { dueAt <= now || now < saidAt }
}

/// Destinations, what each is still to be told, and what was told last of each path. A copy is a view.
package struct AlertBook: Hashable, Sendable {
    /// Destinations there may be at once, whether active or not.
    package static let webhookCountMax = 100
    /// Days of a busy server; some megabytes.
    package static let pendingCountMax = 10_000
    /// Changes that lists show; all are in the log.
    private static let recentCountMax = 1_000

    private var webhooks: [WebhookID: Webhook] = [:]
    private var lastWebhookID = WebhookID(0)
    /// The number given last, of changes that are news and of those that are not; 0 before the first.
    package private(set) var lastAlertID = AlertID(0)
    /// Oldest first.
    private var recentChanges: [StatusChange] = []
    /// Of each path of each assay, the status it changed to last.
    private var told = PagedTable<[IOPath: AssayStatus]>()
    /// What waits for each destination, oldest first.
    private var pending: [WebhookID: [Delivery]] = [:]

    /// Before the first event.
    package init() {}

    /// Nil also for one that was removed.
    package subscript(id: WebhookID) -> Webhook? { webhooks[id] }

    /// All destinations by rising number, those that are not active too.
    package var list: [Webhook] { webhooks.values.sorted { $0.id < $1.id } }

    /// Newest first.
    package func recent(of assayID: AssayID? = nil, limit: Int) -> [StatusChange] {
        Array(
            recentChanges.reversed().lazy.filter { assayID == nil || $0.assayID == assayID }.prefix(limit))
    }

    /// What was told last of a path of an assay; nil where nothing was.
    func toldStatus(of id: AssayID, _ path: IOPath) -> AssayStatus? { told[id]?[path] }

    /// 0 for one that is not active or not there.
    package func pendingCount(of id: WebhookID) -> Int { pending[id]?.count ?? 0 }

    /// The delivery of each destination that is due at `now` first; nil of those with nothing due.
    package func due(at now: Timestamp) -> [Delivery] {
        pending.keys.sorted().compactMap { due(to: $0, at: now) }
    }

    /// What a destination is to be told first of what is due at `now`.
    package func due(to id: WebhookID, at now: Timestamp) -> Delivery? {
        pending[id]?.first { $0.isDue(at: now) }
    }

    // MARK: The fold

    /// Folds one event in. An event about a destination or delivery that is not there is passed over.
    package mutating func apply(_ event: AlertEvent) {
        switch event {
        case .statusChanged(let change):
            guard change.id > lastAlertID else { return }
            lastAlertID = change.id
            if told[change.assayID] == nil { told.insert([:], change.assayID) }
            told.change(change.assayID) { $0[change.path] = change.to }
            guard change.isNews else { return }
            recentChanges.append(change)
            if recentChanges.count > 2 * Self.recentCountMax {
                recentChanges.removeFirst(recentChanges.count - Self.recentCountMax)
            }
            for (id, webhook) in webhooks where webhook.isActive {
                pending[id, default: []].append(
                    Delivery(webhook: id, change: change, dueAt: change.at, saidAt: change.at))
            }
        case .webhookCreated(let creation):
            guard creation.id > lastWebhookID else { return }
            lastWebhookID = creation.id
            webhooks[creation.id] = Webhook(creation)
        case .webhookSwitched(let id, let isActive, _):
            webhooks[id]?.isActive = isActive
            if isActive { webhooks[id]?.isGone = false } else { pending[id] = nil }
        case .webhookRemoved(let id, _):
            webhooks[id] = nil
            pending[id] = nil
        case .attempted(let attempt): apply(attempt)
        case .givenUp(let loss):
            guard let waiting = pending[loss.webhookID] else { return }
            let kept = waiting.filter { $0.change.id > loss.lastAlertID }
            pending[loss.webhookID] = kept
            webhooks[loss.webhookID]?.givenUpCount += waiting.count - kept.count
        }
    }

    private mutating func apply(_ attempt: DeliveryAttempt) {
        let id = attempt.webhookID
        guard let position = pending[id]?.firstIndex(where: { $0.change.id == attempt.alertID }),
            attempt.attempt > pending[id]![position].attemptCount
        else { return }
        webhooks[id]?.lastAttempt = attempt
        switch attempt.outcome {
        case .delivered:
            webhooks[id]?.deliveredCount += 1
            pending[id]!.remove(at: position)
        case .failed(let nextAt?):
            webhooks[id]?.failedAttemptCount += 1
            pending[id]![position].attemptCount = attempt.attempt
            pending[id]![position].dueAt = nextAt
            pending[id]![position].saidAt = attempt.at
        case .failed(nil):
            webhooks[id]?.failedAttemptCount += 1
            webhooks[id]?.givenUpCount += 1
            pending[id]!.remove(at: position)
        case .gone:
            webhooks[id]?.failedAttemptCount += 1
            webhooks[id]?.givenUpCount += pending[id]!.count
            webhooks[id]?.isActive = false
            webhooks[id]?.isGone = true
            pending[id] = nil
        }
    }

    // MARK: Commands

    /// What is appended where statuses changed: the changes, and which deliveries they leave no room for.
    package func events(of changes: [StatusChange], at moment: Timestamp) -> [AlertEvent] {
        let news = changes.lazy.filter(\.isNews).map(\.id)
        var events = changes.map { AlertEvent.statusChanged($0) }
        for webhook in list where webhook.isActive {
            let waiting = pending[webhook.id] ?? []
            let excess = waiting.count + news.count - Self.pendingCountMax
            guard excess > 0, !news.isEmpty else { continue }
            let ids = waiting.map(\.change.id) + news
            events.append(
                .givenUp(
                    DeliveryLoss(
                        webhookID: webhook.id, lastAlertID: ids[excess - 1], count: excess, at: moment)))
        }
        return events
    }

    /// The event that makes a destination, active from then on; throws where there are `webhookCountMax`.
    package func createWebhook(
        _ address: WebhookAddress, _ secret: WebhookSecret, at moment: Timestamp
    ) throws(AlertError) -> AlertEvent {
        guard webhooks.count < Self.webhookCountMax else { throw .tooManyWebhooks }
        return .webhookCreated(
            WebhookCreation(
                id: WebhookID(lastWebhookID.number + 1), address: address, secret: secret, at: moment))
    }

    /// Switches a destination on or off, also where it is so already; throws where it is not there. Off drops what
    /// waits, uncounted; on lets one that was gone be told again.
    package func switchWebhook(
        _ id: WebhookID, _ isActive: Bool, at moment: Timestamp
    ) throws(AlertError) -> AlertEvent {
        guard webhooks[id] != nil else { throw .unknownWebhook(id) }
        return .webhookSwitched(id, isActive: isActive, at: moment)
    }

    /// Removes a destination and what waits for it; throws where it is not there. Its number is not given again.
    package func removeWebhook(_ id: WebhookID, at moment: Timestamp) throws(AlertError) -> AlertEvent {
        guard webhooks[id] != nil else { throw .unknownWebhook(id) }
        return .webhookRemoved(id, at: moment)
    }

    // MARK: As JSON

    /// A member of the list of destinations; its secret is not in it.
    package func json(of webhook: Webhook) -> JSONValue {
        .object(
            ("id", .identifier(webhook.id)), ("url", .string(webhook.address.text)),
            ("active", .bool(webhook.isActive)), ("gone", .bool(webhook.isGone)),
            ("created_at", .zulu(webhook.createdAt)),
            ("num_pending", .integer(pendingCount(of: webhook.id))),
            ("num_delivered", .integer(webhook.deliveredCount)),
            ("num_failed_attempts", .integer(webhook.failedAttemptCount)),
            ("num_given_up", .integer(webhook.givenUpCount)),
            ("last_attempt", webhook.lastAttempt?.json ?? .null))
    }
}
