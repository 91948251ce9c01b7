// When a message that was not taken is sent again.
//
//     at once, then after 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 14 h, 20 h, 24 h: ten attempts in three days
//
// These are the times that the Standard Webhooks specification proposes. Each is stretched by up to a
// tenth, by a number that follows from what is sent, so that receivers that failed together are not asked
// again together.
//
// Invariant: a pure function of the destination, the alert and the attempt: a restart asks at the same
// moments.

import Bytes
import Records

/// How long is waited between attempts, before up to a tenth is added.
package struct DeliverySchedule: Hashable, Sendable {
    /// After the first attempt, after the second, …; when they are used up the message is given up.
    package var delays: [TimeSpan]

    /// As many attempts are made as there are delays, and one.
    package init(delays: [TimeSpan]) { self.delays = delays }

    private static func seconds(_ count: Int64) -> TimeSpan { TimeSpan(microseconds: count * 1_000_000) }

    /// Ten attempts in about three days.
    package static let standard = DeliverySchedule(
        delays: [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400].map { seconds($0) })

    /// When to try again after attempt `attempt`, counted from 1, failed at `moment`; nil: not again.
    package func next(
        after attempt: Int, failedAt moment: Timestamp, webhook: WebhookID, alert: AlertID
    ) -> Timestamp? {
        precondition(attempt >= 1, "Attempts count from 1.")
        guard attempt <= delays.count else { return nil }
        let delay = delays[attempt - 1].microseconds
        let sent = UInt64(truncatingIfNeeded: webhook.number &* 1_000_003 &+ alert.number &* 64 &+ attempt)
        let thousandths = Int64(SplitMix64.mixed(sent) % 100)
        // Written down, and so a moment that can be read again.
        return min(moment.adding(TimeSpan(microseconds: delay + delay / 1_000 * thousandths)), .latestNamed)
    }
}
