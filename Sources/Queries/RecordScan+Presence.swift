// Whether a topic has any record that a filter lets through: up to the first, without times or other columns.
//
// Invariants:
//  * What damage hides may be such a record: then the answer is yes.
//  * A cancelled task's scan ends before its next block.

import EventLog
import Records
import Segments

extension RecordScan {
    /// Whether a record passes `filter`, whatever its time, or may do so unseen. What came last is looked at
    /// first: it is the likeliest, for a model that somebody asks about today.
    ///
    /// - Throws: `CancellationError` where the task is cancelled.
    package func mayHold(topic: String, _ filter: RecordFilter) throws(CancellationError) -> Bool {
        let plan = QueryPlan(topic: snapshot.index.topics[topic], window: .always, filter: filter, cut: nil)
        if !plan.unseen(of: topic, in: snapshot.index).isEmpty { return true }
        for run in plan.tails.reversed() where RowMask(filter, run.batch).keepsAny(of: run.batch.rowCount) {
            return true
        }
        let reader = BlockReader()
        var statistics = QueryStatistics()
        for step in plan.steps.reversed() {
            if Task.isCancelled { throw CancellationError() }
            do throws(SegmentError) {
                let source = try BlockSource(step, snapshot, fields: filter.fields)
                func bytes(_ offset: Int, _ byteCount: Int) throws(SegmentError) -> [UInt8] {
                    try source.bytes(&statistics, at: offset, byteCount)
                }
                let mask = try RowMask(filter, reader, source, bytes)
                if mask.keepsAny(of: source.head.rowCount) { return true }
            } catch {
                return true
            }
        }
        return false
    }
}

extension RowMask {
    fileprivate func keepsAny(of rowCount: Int) -> Bool { (0..<rowCount).contains(where: keeps) }
}
