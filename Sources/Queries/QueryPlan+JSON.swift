// A plan as JSON: the same for the command line and over HTTP.

import EventLog
import JSON
import Records
import Segments

extension QueryPlan {
    /// Every block and run, with the reason where it is skipped.
    package var json: JSONValue {
        .array(
            steps.map(\.json) + tails.map { $0.json(skipped: nil) }
                + skippedTails.map { $0.run.json(skipped: $0.reason) })
    }
}

extension QueryPlan.Step {
    fileprivate var json: JSONValue {
        .object(
            ("segment", .integer(segment)), ("offset", .integer(block.offset)),
            ("partition", .string(block.partition)), ("first_index", .integer(block.firstIndex)),
            ("end_index", .integer(block.indexes.upperBound)),
            ("time_min", .integer(block.timeMin)), ("time_max", .integer(block.timeMax)),
            ("bytes", .integer(block.byteCount)), ("skipped", .string(skipped?.rawValue)))
    }
}

extension TailRun {
    fileprivate func json(skipped: QueryPlan.Reason?) -> JSONValue {
        .object(
            ("segment", .null), ("offset", .null), ("partition", .string(partition)),
            ("first_index", .integer(firstIndex)),
            ("end_index", .integer(endIndex)), ("time_min", .integer(timeMin)),
            ("time_max", .integer(timeMax)), ("bytes", .integer(byteCount)),
            ("skipped", .string(skipped?.rawValue)))
    }
}
