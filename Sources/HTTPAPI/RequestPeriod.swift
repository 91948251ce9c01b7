// Reading of a request's document what many questions have: a half-open period, and how many are wanted.

import JSON
import Records

extension JSONField {
    /// The half-open period between two moments of a request.
    ///
    /// `period()`, without names, is of two moments in a list.
    func period(from startName: String, to endName: String) throws(FieldError) -> TimeWindow {
        try period(
            from: self[startName].timestamp(), startName, to: self[endName].timestamp(), endName)
    }

    /// `start` and `end` of a request, half-open; all of time where they are left out.
    func openPeriod() throws(FieldError) -> TimeWindow {
        try period(
            from: self["start"].optional?.timestamp() ?? TimeWindow.always.start, "start",
            to: self["end"].optional?.timestamp() ?? TimeWindow.always.end, "end")
    }

    /// `limit` of a request, how many are wanted at most; nil where it is left out.
    func limit() throws(FieldError) -> Int? {
        guard let field = self["limit"].optional else { return nil }
        let limit = try field.integer()
        guard limit >= 1 else { throw field.refused("is \(limit); it must be 1 or more") }
        return limit
    }

    private func period(
        from start: Timestamp, _ startName: String, to end: Timestamp, _ endName: String
    ) throws(FieldError) -> TimeWindow {
        guard start <= end else {
            throw self[endName].refused("is before \"\(startName)\"; exchange them, or give a later one")
        }
        return TimeWindow(start: start, end: end)
    }
}
