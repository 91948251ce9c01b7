// A pass of compaction on the thread of the test, so that the power can be cut between any two operations of it.

import EventLog

extension Compaction {
    /// One rewrite from plan to switch, or as far as it comes; false where nothing is due any more.
    ///
    /// - Throws: what ends a pass; where there was no room, once nothing else is due.
    package mutating func step(_ writer: LogWriter) throws(LogError) -> Bool {
        guard let due = begin(writer) else {
            try finish()
            return false
        }
        let written = Result { () throws(LogError) in try due.write() }
        guard let segment = try take(written, of: due) else { return true }
        end(due, segment, try writer.replace(due.plan, with: segment))
        return true
    }
}

extension LogWriter {
    /// A whole pass.
    ///
    /// - Parameters:
    ///   - left: segments that are not tried.
    ///   - regroups: whether sealed segments are made anew for nothing but their order.
    @discardableResult
    package func compact(
        leaving left: Set<UInt64> = [], regroups: Bool = true
    ) throws(LogError) -> Compaction {
        var compaction = Compaction(leaving: left) { _ in regroups }
        while try compaction.step(self) {}
        return compaction
    }
}
