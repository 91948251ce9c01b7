// Statistics as requests and answers of both generations write them: {"min","max","mean","median","std"}.
//
// Invariant: what is written is read back equal.

import JSON
import Summaries

extension Moments {
    /// The members, for an object that has others beside them.
    var members: [(String, JSONValue)] {
        [
            ("min", .number(min)), ("max", .number(max)), ("mean", .number(mean)),
            ("median", .number(median)), ("std", .number(standardDeviation)),
        ]
    }

    /// Reads the members of an object; each may be left out.
    init(_ json: JSONField) throws(FieldError) {
        let (min, max) = (try json["min"].optional?.double(), try json["max"].optional?.double())
        let mean = try json["mean"].optional?.double()
        let median = try json["median"].optional?.double()
        let standardDeviation = try json["std"].optional?.double()
        do {
            try self.init(
                min: min, max: max, mean: mean, median: median, standardDeviation: standardDeviation)
        } catch {
            throw json.refused("is inconsistent: \(error)")
        }
    }
}
