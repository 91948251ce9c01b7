// Whether the next envelope waits for the clients that were just answered.
//
//     all back soon      sync ──► answers ──► they come back ──► one envelope of all ──► sync
//     all back late      sync ──► answers, and at once an envelope of those that wait ──► sync
//                                   └── the answered ones come back during that sync
//
// Where clients are back long before half a sync is over, an envelope that does not wait for them has
// the first of them alone, and the others wait for its sync: twice the syncs for the same records.
// Where they take longer, waiting leaves the disk idle while they work: two halves that take turns keep
// both busy.
//
// Invariants:
//  * Nobody waits longer than half of the last sync, or than `patienceMax`.
//  * What is waited for is what the answered clients took to come back the last time; where that is
//    longer, nobody waits.

struct ClientPace {
    typealias Instant = ContinuousClock.Instant

    /// The longest that a slow disk lets clients wait for each other.
    private static let patienceMax = Duration.milliseconds(2)
    /// A wait costs about as much as is gained below this.
    private static let patienceMin = Duration.microseconds(50)

    /// Requests that wait when all clients are back: those that waited when the last answers were given,
    /// and the answered ones.
    private(set) var expectedCount = 0
    private var answeredAt: Instant?
    /// From an answer to the last request that came before the next one.
    private var returnTime = Duration.zero

    /// Notes that requests are answered.
    ///
    /// - Parameter lastArrival: when the last of those that wait came, or of the answered ones.
    mutating func note(answeredCount: Int, waitingCount: Int, lastArrival: Instant, at now: Instant) {
        if let answeredAt, lastArrival > answeredAt { returnTime = answeredAt.duration(to: lastArrival) }
        expectedCount = answeredCount + waitingCount
        answeredAt = now
    }

    /// Until when the next envelope waits for `expectedCount` requests; nil where it does not.
    func deadline(lastSync: Duration) -> Instant? {
        guard let answeredAt, expectedCount > 1, returnTime <= min(lastSync / 2, ClientPace.patienceMax)
        else {
            return nil
        }
        let patience = min(lastSync / 2, ClientPace.patienceMax, returnTime * 5 / 4 + ClientPace.patienceMin)
        return patience > ClientPace.patienceMin ? answeredAt + patience : nil
    }
}
