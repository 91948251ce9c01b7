// A pass over all segments that somebody waits for.
//
// Invariants:
//  * It changes no answer but by what the topics' own bounds let go.
//  * In a server whose clock was set ahead, nothing goes by age before it has stood by that (ClockWatch.swift).
//  * While a part of the log is not seen, nothing is let go and that part stays as it is, which is told; what is
//    seen is made anew all the same.

import EventLog

extension InferenceStore {
    /// Lets go what is over its bounds now, then rewrites all that is due, and all that was never regrouped, as
    /// fast as the disk takes it.
    package func compact() async throws -> CompactionReport {
        var retention = RetentionReport()
        var problems: [String] = []
        let unseen = log.snapshot().index.unseen
        if unseen.isEmpty {
            let (now, ahead) = lookAtClock()
            if ahead != nil {
                problems.append(
                    "nothing is let go by its age: the clock went ahead at once, and has not stood by that for "
                        + ClockWatch.probation.text)
            }
            try await log.freeingRoom {
                try await applyRetention(byAge: ahead == nil, at: now, noting: &retention)
            }
        } else {
            problems.append("nothing is let go: \(LogError.unseen(unseen))")
        }
        let pace = CompactionPace(retries: .all, sealsFrom: 0)
        var report = try await log.freeingRoom { try await log.compact(pace) }
        report.recordsLetGo = retention.recordCounts
        report.problems = problems + retention.problems + report.problems
        return report
    }
}
