// Webhooks: the commands on destinations, and what came of each attempt to tell them.

import Alerts
import Assays
import EventLog
import JSON
import Records
import Segments

extension InferenceStore {
    /// Judges a command on the alerts as they stand, appends the event it returns, folds it.
    @discardableResult
    package func changeAlerts(
        _ command: (AlertBook) throws -> AlertEvent
    ) async throws -> AlertEvent {
        try await gate.pass {
            let event = try command(alerts)
            _ = try await log.append([.event(InferenceStore.entry(event))])
            folded.withLock { $0.alerts.apply(event) }
            return event
        }
    }

    /// Tells what has become of assays of the first generation that have caught up, where their last
    /// decisions did not: said again, it changes nothing.
    func tellNewest(of ids: [AssayID], horizon: Timestamp) async throws {
        for start in stride(from: 0, to: ids.count, by: Self.toldCountMax) {
            let some = ids[start..<min(start + Self.toldCountMax, ids.count)]
            try await tell { StatusChange.changes(ofNewest: some, in: $0, after: $1, horizon: horizon) }
        }
    }

    /// Tells what a decision changes that is in the log already: said again, it changes nothing.
    func tell(_ decision: AssayDecision, _ circumstances: StatusChange.Circumstances) async throws {
        try await tell { StatusChange.changes(by: [.analysed(decision)], in: $0, after: $1, circumstances) }
    }

    private func tell(_ changes: (AssayBook, AlertBook) -> [StatusChange]) async throws {
        try await gate.pass {
            let (book, alerts) = folded.withLock { ($0.book, $0.alerts) }
            let changes = changes(book, alerts)
            guard !changes.isEmpty else { return }
            let events = alerts.events(of: changes, at: sources.now())
            _ = try await log.append(events.map { .event(InferenceStore.entry($0)) })
            folded.withLock { folded in
                for event in events { folded.alerts.apply(event) }
            }
        }
    }

    /// Assays that are told of in one commit: half a megabyte at the most.
    private static let toldCountMax = 1_024

    /// A destination that is told from now on.
    ///
    /// - Parameter secret: nil makes a new one, which the answer shows this once.
    package func createWebhook(
        _ address: WebhookAddress, secret: WebhookSecret?
    ) async throws -> (id: WebhookID, newSecret: WebhookSecret?) {
        guard configuration.webhookPolicy.allows(address) else {
            throw FieldError(field: "url", problem: configuration.webhookPolicy.refusal(of: address))
        }
        let used = secret ?? WebhookSecret()
        let event = try await changeAlerts { try $0.createWebhook(address, used, at: sources.now()) }
        guard case .webhookCreated(let creation) = event else {
            preconditionFailure("Creating a webhook is one event.")
        }
        return (creation.id, secret == nil ? used : nil)
    }

    /// Switches a destination on or off, durably when this returns. Off drops what waits for it. Throws `AlertError`
    /// where it is not there.
    package func switchWebhook(_ id: WebhookID, _ isActive: Bool) async throws {
        try await changeAlerts { try $0.switchWebhook(id, isActive, at: sources.now()) }
    }

    /// Removes a destination and what waits for it, durably when this returns. Throws `AlertError` where it is not
    /// there.
    package func removeWebhook(_ id: WebhookID) async throws {
        try await changeAlerts { try $0.removeWebhook(id, at: sources.now()) }
    }

    static func entry(_ event: AlertEvent) -> Event {
        Event(name: EventName.alert, document: Array(event.json.text.utf8))
    }
}
