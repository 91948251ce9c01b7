// Invariants checked: those at the head of CrashTrial.swift, over many seeds; and that the alarm rings,
// with bugs planted between the log and its disk. `Tools/dev crash` tries as many points as it is told.

import CrashPoints
import Dispatch
import Testing

@Suite struct CrashPointTests {
    @Test("no crash point loses, doubles or changes what was acknowledged")
    func points() async {
        // One thread, so that other tests go on beside it.
        let tally = await apart { CrashRun.run(pointCount: 2000, firstSeed: 1, threadCount: 1) }
        print("crash points from seed 1 on:\n\(tally.text)")
        for failure in tally.failures.prefix(5) { Issue.record("\(failure)") }
        #expect(tally.pointCount >= 2000 || !tally.failures.isEmpty)
        #expect(tally.fullCount > 100 || !tally.failures.isEmpty, "some disks have little room")
    }

    @Test("a planted bug is found by some crash point", arguments: PlantedBug.allCases)
    func plantedBug(bug: PlantedBug) async {
        let alarm = await apart { () -> CrashRun.Failure? in
            // Every operation of every history, each seventh of all of them first: a bug of a step that is
            // rare is found sooner in more histories.
            for first in 0..<7 {
                for seed in 1..<40 as Range<UInt64> {
                    let trial = CrashTrial(seed: seed)
                    var operation = first
                    while let outcome = trial.run(operation, with: bug) {
                        if let violation = outcome.violations.first {
                            return CrashRun.Failure(seed: seed, operation: operation, violation: violation)
                        }
                        operation += 7
                    }
                }
            }
            return nil
        }
        print("\(bug): \(alarm.map { "\($0)" } ?? "not found")")
        let violation = alarm?.violation ?? ""
        switch bug {
        case .keyForgotten, .youngKeysNotRewritten:
            #expect(violation.contains("the key key-"), "for its own reason")
        case .rewrittenBeforeTombstone: #expect(violation.contains("acknowledged"), "for its own reason")
        case .snapshotListedBeforeSync: #expect(violation.contains("a snapshot"), "for its own reason")
        case .modelNamesNotSynced: #expect(violation.contains("model"), "for its own reason")
        case .restoredBeforeSync: #expect(violation.contains("a restored"), "for its own reason")
        case .succeededBeforeManifest:
            #expect(violation.contains("acknowledged"), "for its own reason")
        case .fullDiskForEver:
            // Where it is met first by a snapshot, that fails.
            #expect(
                violation.contains("the disk refuses nothing") || violation.contains("though nothing did"),
                "for its own reason")
        case .fullDiskNotSaid:
            // Where it is met first by an opening, that is refused.
            #expect(
                violation.contains("told as something else") || violation.contains("does not open"),
                "for its own reason")
        default: #expect(!violation.isEmpty, "\(bug) is not found")
        }
    }

    /// Does long work on a thread of its own: the few that run tests are for those that wait.
    private func apart<Value: Sendable>(_ work: @escaping @Sendable () -> Value) async -> Value {
        await withCheckedContinuation { continuation in
            Self.thread.async { continuation.resume(returning: work()) }
        }
    }

    private static let thread = DispatchQueue(label: "crash points")
}
