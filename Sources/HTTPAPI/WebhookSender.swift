// Tells destinations what changed: asks the alerts what is due, posts it, and writes down what came of it.
//
//     alerts.due ──► post ──► attempt (log) ──► taken · again later · given up · gone
//
// Invariants:
//  * Every attempt that came to an end is in the log before the next one to the same destination begins.
//  * A destination is posted to by one attempt at a time, and holds up no other: at most `simultaneousMax`
//    are posted to at once, those first that had no turn for longest, and a turn is `turnCountMax` messages.
//  * While messages are taken, the next follows at once: how many wait says how long it takes, no pause does.
//  * A process that ends in between loses nothing: what was not written down is due again.

import Alerts
import Logging
import Records
import Store

/// Posts a message; the seam to the network.
package protocol WebhookPoster: Sendable {
    /// The status that was answered, whatever it is. Throws where none was, in words that a list may show.
    func post(_ message: WebhookMessage, to address: WebhookAddress) async throws -> Int
}

/// Tells a store's destinations, each in its turn.
package actor WebhookSender {
    private let store: InferenceStore
    private let poster: any WebhookPoster
    private let logger: Logger
    /// Destinations that are being posted to.
    private var busy: Set<WebhookID> = []
    /// The number of the last turn of each destination.
    private var turns: [WebhookID: Int] = [:]
    private var turnCount = 0
    /// Until when destinations are left alone whose attempt could not be written down.
    private var resting: [WebhookID: Timestamp] = [:]

    private static let simultaneousMax = 16
    private static let turnCountMax = 256
    /// From one look at what is due to the next.
    private static let pause = Duration.milliseconds(500)
    /// The log refuses for a moment, as a rule: a full queue, a sync that failed.
    private static let rest = TimeSpan(microseconds: 5_000_000)
    static let problemByteCountMax = 200

    package init(_ store: InferenceStore, poster: any WebhookPoster, logger: Logger) {
        self.store = store
        self.poster = poster
        self.logger = logger
    }

    /// Runs until the task is cancelled.
    package func run() async {
        await withDiscardingTaskGroup { group in
            while !Task.isCancelled {
                for delivery in taken() { group.addTask { await self.takeTurn(delivery) } }
                try? await Task.sleep(for: Self.pause)
            }
        }
    }

    /// Gives each destination its turn that has something due, and waits for them.
    package func tick() async {
        await withDiscardingTaskGroup { group in
            for delivery in taken() { group.addTask { await self.takeTurn(delivery) } }
        }
    }

    /// What is due and may begin; its destinations are busy from here on.
    private func taken() -> [Delivery] {
        let now = store.sources.now()
        let due = store.alerts.due(at: now).filter { delivery in
            // A rest that is longer than rests are was begun by a clock that has gone back since.
            !busy.contains(delivery.webhook)
                && resting[delivery.webhook].map { $0 <= now || $0 > now.adding(Self.rest) } ?? true
        }.sorted { (turns[$0.webhook] ?? 0, $0.webhook) < (turns[$1.webhook] ?? 0, $1.webhook) }
            .prefix(Self.simultaneousMax - busy.count)
        turnCount += 1
        turns = turns.filter { store.alerts[$0.key] != nil }
        for delivery in due {
            busy.insert(delivery.webhook)
            turns[delivery.webhook] = turnCount
        }
        return Array(due)
    }

    /// Posts one message after another, as long as they are due and taken.
    private func takeTurn(_ first: Delivery) async {
        defer { busy.remove(first.webhook) }
        var next: Delivery? = first
        for _ in 0..<Self.turnCountMax {
            guard let delivery = next, await deliver(delivery), !Task.isCancelled else { return }
            next = store.alerts.due(to: first.webhook, at: store.sources.now())
        }
    }

    /// - Returns: whether the message was taken, and that was written down.
    private func deliver(_ delivery: Delivery) async -> Bool {
        let id = delivery.webhook
        guard let webhook = store.alerts[id] else { return false }
        var status: Int?
        var problem: String?
        do {
            guard store.configuration.webhookPolicy.allows(webhook.address) else {
                throw WebhookProblem(store.configuration.webhookPolicy.refusal(of: webhook.address))
            }
            let message = WebhookMessage(
                delivery.change, signedBy: webhook.secret, at: store.sources.now())
            status = try await poster.post(message, to: webhook.address)
            if let status, !(200...299).contains(status) { problem = "the answer was \(status)" }
        } catch {
            // The server is stopping: the attempt has come to no end, and is made again.
            if Task.isCancelled { return false }
            problem = "\(error)".prefix(byteCount: Self.problemByteCountMax)
        }
        let now = store.sources.now()
        let attempt = delivery.attemptCount + 1
        let outcome: DeliveryAttempt.Outcome =
            if problem == nil {
                .delivered
            } else if status == 410 {
                .gone
            } else {
                .failed(
                    nextAt: DeliverySchedule.standard.next(
                        after: attempt, failedAt: now, webhook: id, alert: delivery.change.id))
            }
        switch outcome {
        case .delivered: break
        case .gone: logger.warning("webhook \(id) answers that it is gone; it is switched off")
        case .failed(nil):
            logger.warning("webhook \(id) is not told of alert \(delivery.change.id): \(problem ?? "")")
        case .failed: logger.notice("webhook \(id), attempt \(attempt): \(problem ?? "")")
        }
        do {
            try await store.changeAlerts { _ in
                .attempted(
                    DeliveryAttempt(
                        webhookID: id, alertID: delivery.change.id, attempt: attempt, outcome: outcome,
                        status: status, problem: problem, at: now))
            }
            resting[id] = nil
            return outcome == .delivered
        } catch {
            resting[id] = now.adding(Self.rest)
            logger.warning(
                "an attempt at webhook \(id) is not written down, and will be made again: \(error)")
            return false
        }
    }
}

extension String {
    /// As many whole characters from the start as take at most so many bytes.
    func prefix(byteCount: Int) -> String {
        var rest = byteCount
        return String(
            prefix { character in
                rest -= character.utf8.count
                return rest >= 0
            })
    }
}
