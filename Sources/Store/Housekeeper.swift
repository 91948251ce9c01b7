// The background of a running store: the fold's checkpoint, retention carried out, segments rewritten, slowly; and
// once it is quiet, memory that a flood took given back to the system.
//
// Invariants:
//  * It asks the writer for a moment at a time; what it reads and writes is bounded per second.
//  * Retention is looked at every minute or two, however much there is to rewrite.
//  * A segment is regrouped once it has been sealed for a while: what is asked about most is not moved
//    while it is asked about, and a segment that retention soon takes is not written twice.
//  * Where the clock has been set ahead, nothing goes by age before it has stood by that (ClockWatch.swift): records
//    that go do not come back when the clock is set right.
//  * What fails is said once and tried again at the next round. An erasure that a file's damage stopped is
//    tried again at growing distances, up to an hour: it reads what it could not read before.

import EventLog
import Logging
import Records

/// Rounds of housekeeping over one store.
package actor Housekeeper {
    private let store: InferenceStore
    private let logger: Logger
    /// When each segment was first seen here, by number.
    private var firstSeen: [UInt64: Timestamp] = [:]
    private var problems: Set<String> = []
    /// How far ahead the clock went, as it was said last; nil where there is nothing to say.
    private var saidAhead: TimeSpan?
    /// Rounds until stopped erasures are tried again, and between the last two tries.
    private var retry = (left: 1, pause: 1)
    /// Whether the last round left rewrites that were due: the next one follows at once.
    private var isBehind = false
    /// Where the log was at the last round.
    private var lastCut: CommitNumber?
    /// An hour of rounds.
    private static let retryPauseMax = 128
    /// Rewrites of a round: of whole segments about a minute's at the pace of the background, in which as many come
    /// due as wish.
    private static let rewriteCountMax = 16
    /// Bytes that were let go for which the segment that is written ends: fewer are not worth a file.
    static let sealsFrom = 1 << 20
    /// From the end of a round to the next one.
    private static let pause = Duration.seconds(30)

    /// Does nothing until it is run.
    package init(_ store: InferenceStore, logger: Logger) {
        self.store = store
        self.logger = logger
        // A step is seen from here on, also one before the first round.
        store.clockWatch.withLock { watch in
            watch = ClockWatch()
            watch?.look(store.sources)
        }
    }

    /// Runs until the task is cancelled.
    package func run() async {
        while !Task.isCancelled {
            // Because: a pause that is cut short throws, and what cut it short is looked at next.
            if !isBehind { try? await Task.sleep(for: Housekeeper.pause) }
            if Task.isCancelled { return }
            await round()
        }
    }

    /// One look at everything.
    package func round() async {
        isBehind = false
        let (now, ahead) = store.lookAtClock()
        // Also where a question saw the step first.
        if let ahead, ahead != saidAhead {
            logger.warning(
                """
                the clock went ahead by \(ahead.microseconds / 1_000_000) seconds at once: no record goes by its age \
                until it has stood by that for \(ClockWatch.probation.text)
                """)
        }
        saidAhead = ahead
        let known = store.log.snapshot().index.uses.keys
        firstSeen = firstSeen.filter { known.contains($0.key) }
        // A later moment was named by a clock that has gone back since.
        for number in known where firstSeen[number].map({ $0 > now }) ?? true { firstSeen[number] = now }
        do {
            if try await store.writeCheckpointIfDue() == .missesDecisions {
                say([
                    "no checkpoint of the fold is written any more, so an opening after a power cut may take longer: "
                        + "the log holds decisions that this process could not fold; restart it, and it folds them"
                ])
            }
        } catch {
            say([
                "the fold's checkpoint was not written, so an opening may take longer; it is tried again after as "
                    + "many events: \(error)"
            ])
        }
        let old = now.adding(TimeSpan(microseconds: -store.configuration.regroupingAge.microseconds))
        let regroupable = Set(firstSeen.filter { $0.value <= old }.keys)
        do {
            try await applyRetention(byAge: ahead == nil, at: now)
            let retries = nextRetries()
            var pace = CompactionPace(
                bytesPerSecond: store.configuration.compactionBytesPerSecond, retries: retries,
                sealsFrom: Housekeeper.sealsFrom
            ) { regroupable.contains($0) }
            pace.rewriteCountMax = Housekeeper.rewriteCountMax
            // While records are taken, what is rewritten in the background is no reason to refuse them.
            let report =
                if case .readOnly = store.log.state {
                    try await store.log.freeingRoom { try await store.log.compact(pace) }
                } else {
                    try await store.log.compact(pace)
                }
            isBehind = report.rewriteCount == Housekeeper.rewriteCountMax
            say(report.problems)
            if let count = report.rewrites[RewritePlan.Reason.erasure.rawValue] {
                logger.notice("what was to go is gone from the disk, with \(count) segments made anew")
            }
        } catch {
            say(["housekeeping did not finish: \(error)"])
        }
        giveMemoryBack()
    }

    /// The allocator keeps what was freed below anything that still lives, each thread's for itself. To give it back
    /// takes milliseconds, in which others wait for memory: not while records come.
    private func giveMemoryBack() {
        let cut = store.log.cut
        if cut == lastCut { store.sources.giveMemoryBack() }
        lastCut = cut
    }

    private func applyRetention(byAge: Bool, at now: Timestamp) async throws {
        var retention = RetentionReport()
        let outcome: Result<Void, any Error>
        do {
            outcome = .success(
                try await store.log.freeingRoom {
                    try await store.applyRetention(byAge: byAge, at: now, noting: &retention)
                })
        } catch {
            outcome = .failure(error)
        }
        for (topic, count) in retention.recordCounts {
            logger.notice("\(RetentionReport.sentence(count, of: topic))")
        }
        say(retention.problems)
        try outcome.get()
    }

    private func nextRetries() -> CompactionPace.Retries {
        guard !store.log.snapshot().index.pendingErasures.isEmpty else {
            retry = (1, 1)
            return .none
        }
        retry.left -= 1
        guard retry.left == 0 else { return .none }
        retry.left = retry.pause
        retry.pause = min(2 * retry.pause, Housekeeper.retryPauseMax)
        return .erasures
    }

    private func say(_ found: [String]) {
        for problem in found where problems.insert(problem).inserted { logger.warning("\(problem)") }
    }
}
