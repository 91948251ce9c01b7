// When an assay of the second generation runs, and which window each run looks at.
//
//     {"first_run": moment, "end": moment or null,
//      "run_frequency": {"SimpleRunFrequency": {"quantity": 1, "unit": "Minute"}} or {"Cron": "0 * * * *"}}
//
// A run at moment r looks at the window that ends there, [r - width, r). With a simple frequency the runs
// are first_run, first_run + q, first_run + 2q, …; with cron they are its moments at or after first_run.
// A day is 24 hours and a week seven days. After `end` there are no more runs.
//
// Every run is there whether or not records are, for in the second generation an empty window has a result
// that says so. So how many lie behind at the moment an assay is scheduled is bounded by who schedules it.
//
// Invariants:
//  * Runs ascend strictly; those after a moment are found without counting those before it.
//  * `RunSchedule(JSONField(schedule.json))` gives back every schedule.

import JSON
import Records

/// How runs follow each other.
package enum RunFrequency: Hashable, Sendable {
    case every(Int, Unit)
    case cron(CronExpression)

    /// A day is 24 hours, a week seven of them: UTC has no other.
    package enum Unit: String, Hashable, Sendable, CaseIterable {
        case minute = "Minute"
        case hour = "Hour"
        case day = "Day"
        case week = "Week"

        var microseconds: Int64 {
            switch self {
            case .minute: 60_000_000
            case .hour: 3_600_000_000
            case .day: 86_400_000_000
            case .week: 604_800_000_000
            }
        }
    }
}

/// The moments at which an assay of the second generation runs.
package struct RunSchedule: Hashable, Sendable {
    /// No run is before this. With cron the first run is the first moment at or after it.
    package let firstRun: Timestamp
    /// No run is after this; nil where there is no last one.
    package let end: Timestamp?
    package let frequency: RunFrequency

    /// The runs at or after the first, or also those before it that the frequency would have made: a
    /// preview may look at the time before the assay begins. After the end there are none either way.
    package enum Extent: Hashable, Sendable {
        case scheduled
        case reachingBack
    }

    /// The first run after `moment`; nil where there is none.
    package func next(after moment: Timestamp, _ extent: Extent = .scheduled) -> Timestamp? {
        let found: Timestamp?
        switch frequency {
        case .every(let quantity, let unit):
            let step = Int128(quantity) * Int128(unit.microseconds)
            let distance = Int128(moment.microseconds) - Int128(firstRun.microseconds)
            // Floored, also before the first run.
            var count = distance / step
            if distance % step < 0 { count -= 1 }
            count += 1
            if extent == .scheduled { count = max(count, 0) }
            let next = Int128(firstRun.microseconds) + count * step
            found = Int64(exactly: next).map { Timestamp(microseconds: $0) }
        case .cron(let expression):
            let justBefore = Timestamp(microseconds: firstRun.microseconds - 1)
            found = expression.next(after: extent == .scheduled ? max(moment, justBefore) : moment)
        }
        guard let found, found <= .latestNamed else { return nil }
        if let end, found > end { return nil }
        return found
    }

    /// The first `limit` runs after `start`, up to and with `last`.
    package func runs(
        after start: Timestamp, through last: Timestamp, _ extent: Extent = .scheduled, limit: Int
    ) -> [Timestamp] {
        var runs: [Timestamp] = []
        var moment = start
        while runs.count < limit, let run = next(after: moment, extent), run <= last {
            runs.append(run)
            moment = run
        }
        return runs
    }

    /// How many runs there are after `start`, up to and with `last`; more than `limit` are not counted. Those of a simple
    /// frequency cost nothing, those of cron as long as it takes to name them.
    package func runCount(after start: Timestamp, through last: Timestamp, limit: Int = .max) -> Int {
        guard let first = next(after: start), first <= last else { return 0 }
        if case .every(let quantity, let unit) = frequency {
            let end = min(last, end ?? last, .latestNamed)
            let span = Int128(end.microseconds) - Int128(first.microseconds)
            return Int(min(Int128(limit), span / (Int128(quantity) * Int128(unit.microseconds)) + 1))
        }
        var count = 0
        var run: Timestamp? = first
        while count < limit, let found = run, found <= last {
            count += 1
            run = next(after: found)
        }
        return count
    }

    /// As stored and as answers show it; `end` is null where there is none.
    package var json: JSONValue {
        let frequency: JSONValue =
            switch frequency {
            case .every(let quantity, let unit):
                .object(
                    (
                        "SimpleRunFrequency",
                        .object(("quantity", .integer(quantity)), ("unit", .string(unit.rawValue)))
                    ))
            case .cron(let expression): .object(("Cron", .string(expression.text)))
            }
        return .object(
            ("first_run", .zulu(firstRun)), ("end", .zulu(end)), ("run_frequency", frequency))
    }

    /// Reads a schedule. Throws where both kinds of frequency or neither is given, and where there would never be
    /// a run.
    package init(_ json: JSONField) throws(FieldError) {
        _ = try json.object()
        firstRun = try json["first_run"].timestamp()
        end = try json["end"].optional?.timestamp()
        if let end, end < firstRun {
            throw json["end"].refused(
                "is \(end.zuluText), before the first run \(firstRun.zuluText); exchange them")
        }
        let field = json["run_frequency"]
        _ = try field.object()
        let (cron, simple) = (field["Cron"], field["SimpleRunFrequency"])
        guard cron.isPresent != simple.isPresent else {
            throw field.refused("must have exactly one of \"Cron\" and \"SimpleRunFrequency\"")
        }
        if cron.isPresent {
            let text = try cron.string()
            do { frequency = .cron(try CronExpression(parsing: text)) } catch {
                throw cron.refused("\(error)")
            }
        } else {
            // A quantity in the longest unit stays below a thousand years.
            let quantity = try simple["quantity"].integer(in: 1...50_000)
            frequency = .every(quantity, try simple["unit"].word())
        }
        guard next(after: Timestamp(microseconds: .min)) == nil else { return }
        guard end == nil else {
            throw json["end"].refused(
                "is before the first moment that \"run_frequency\" names; there would never be a run")
        }
        throw json["first_run"].refused(
            "is \(firstRun.zuluText), and \"run_frequency\" names no moment from then to the end of the year "
                + "9999; there would never be a run")
    }
}
