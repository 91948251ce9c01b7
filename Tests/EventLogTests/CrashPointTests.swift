// Invariants checked: the two at the head of CrashTrial.swift, over many seeds; and that the alarm rings,
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
    }

    @Test("a bug between the log and its disk is found by some crash point", arguments: PlantedBug.allCases)
    func plantedBug(bug: PlantedBug) async {
        let isFound = await apart {
            (1..<40 as Range<UInt64>).contains { seed in
                let trial = CrashTrial(seed: seed)
                var operation = 0
                while let outcome = trial.run(operation, through: { bug.planted(before: $0) }) {
                    if !outcome.violations.isEmpty { return true }
                    operation += 1
                }
                return false
            }
        }
        #expect(isFound, "\(bug) is not found")
    }

    /// Does long work on a thread of its own: the few that run tests are for those that wait.
    private func apart<Value: Sendable>(_ work: @escaping @Sendable () -> Value) async -> Value {
        await withCheckedContinuation { continuation in
            Self.thread.async { continuation.resume(returning: work()) }
        }
    }

    private static let thread = DispatchQueue(label: "crash points")
}
