// An assay of the second generation as it was asked for: several paths of one pipeline, looked at in the
// windows of a schedule and compared with a baseline each.
//
//     {"name", "baseline", "scheduling", "summarizer", "targeting", "window": {"width": {"seconds": 60}}}
//
// Invariants:
//  * `SeriesDefinition(JSONField(definition.json))` gives back every definition.
//  * A rolling baseline begins before the window that is compared with it, and does not end after it: when
//    a window is complete, so is its baseline.

import JSON
import Records
import Summaries

/// An assay of the second generation as it was asked for: paths, schedule, baseline, settings.
package struct SeriesDefinition: Hashable, Sendable {
    /// Unique among the second generation's in the workspace; empty only in a preview.
    package var name: String
    package var baseline: SeriesBaseline
    package var schedule: RunSchedule
    package var settings: SeriesSettings
    package var targeting: SeriesTargeting
    /// Of the windows.
    package var width: TimeSpan

    /// In the order in which findings, summaries and scores come.
    package var paths: [IOPath] { targeting.targets.map(\.path) }

    /// As the log stores it: the name, then what `parts` has.
    package var json: JSONValue {
        .object(JSONObject([("name", .string(name))] + parts))
    }

    /// All but the name, in the order that answers have.
    var parts: [(String, JSONValue)] {
        [
            ("scheduling", schedule.json), ("baseline", baseline.json(paths)),
            ("window", .object(("width", Self.json(width)))), ("summarizer", settings.json),
            ("targeting", targeting.json),
        ]
    }

    static func json(_ width: TimeSpan) -> JSONValue {
        .object(("seconds", .integer(width.microseconds / 1_000_000)))
    }

    /// Reads the body of `schedule`, or of `preview` with `nameIsNeeded` false, or a stored definition.
    package init(_ json: JSONField, nameIsNeeded: Bool = true) throws(FieldError) {
        _ = try json.object()
        name = try nameIsNeeded ? json["name"].string() : json["name"].optional?.string() ?? ""
        if nameIsNeeded || !name.isEmpty { try AssayDefinition.check(name, json["name"]) }
        targeting = try SeriesTargeting(json["targeting"])
        settings = try SeriesSettings(json["summarizer"])
        schedule = try RunSchedule(json["scheduling"])
        width = try json["window"]["width"].seconds()
        baseline = try SeriesBaseline(json["baseline"], targeting.targets.map(\.path), settings)
        if case .rolling(let start, let width) = baseline {
            let field = json["baseline"]["Rolling"]
            guard start < firstWindow.start else {
                throw field["start"].refused(
                    "is \(start.zuluText), not before the first run's window, which begins at "
                        + "\(firstWindow.start.zuluText); choose an earlier one")
            }
            guard start.adding(width) <= firstWindow.end else {
                throw field["width"].refused(
                    "reaches past the end of the first run's window, \(firstWindow.end.zuluText); choose "
                        + "a shorter one, or an earlier start")
            }
        }
    }

    // MARK: Windows

    /// The window of a run.
    package func window(of run: Timestamp) -> TimeWindow {
        TimeWindow(start: run.adding(TimeSpan(microseconds: -width.microseconds)), end: run)
    }

    /// The window of the first run there can be.
    package var firstWindow: TimeWindow {
        window(of: schedule.next(after: Timestamp(microseconds: .min)) ?? schedule.firstRun)
    }

    /// The period whose records are the baseline of `window`; nil where no records are.
    package func baselinePeriod(for window: TimeWindow) -> TimeWindow? {
        switch baseline {
        case .summaries, .vector: return nil
        case .period(let period): return period
        case .rolling(let start, let width):
            let later = window.start.microseconds - firstWindow.start.microseconds
            let begin = start.adding(TimeSpan(microseconds: later))
            return TimeWindow(start: begin, end: begin.adding(width))
        }
    }

    /// The moments whose windows look at records of `period`: the windows that hold them and, where the
    /// baseline moves, those that are compared with them.
    package func reach(of period: TimeWindow) -> TimeWindow {
        guard case .rolling(let start, let baselineWidth) = baseline else { return period }
        // The baseline of a window that starts at s is [s - offset, s - offset + its width).
        let offset = firstWindow.start.microseconds - start.microseconds
        let first = period.start.adding(TimeSpan(microseconds: offset - baselineWidth.microseconds))
        let end = period.end.adding(TimeSpan(microseconds: offset))
        return TimeWindow(start: min(period.start, first), end: max(period.end, end))
    }

    /// What a window of one path is in the words of the first generation, by which records are found.
    package func windowSpec(of path: IOPath) -> AssayWindowSpec {
        targeting.windowSpec(of: path, width: width)
    }
}

extension SeriesTargeting {
    /// Windows of one path, in the words of the first generation; the pipeline is completed.
    package func windowSpec(of path: IOPath, width: TimeSpan) -> AssayWindowSpec {
        AssayWindowSpec(
            path, pipelineName: pipelineName ?? "", workspaceID: workspaceID, modelName: modelName,
            width: width, locations: locations)
    }
}

// MARK: Reading

extension JSONField {
    /// A length of time as `{"seconds": 60}`.
    package func seconds() throws(FieldError) -> TimeSpan {
        _ = try object()
        let longest = Int(WrittenSpan.longest.microseconds / 1_000_000)
        return TimeSpan(microseconds: Int64(try self["seconds"].integer(in: 1...longest)) * 1_000_000)
    }

    /// A half-open period as `[start, end]`.
    package func period() throws(FieldError) -> TimeWindow {
        let moments = try array()
        guard moments.count == 2 else {
            throw refused("has \(moments.count) members; give two moments, [start, end]")
        }
        let (start, end) = (try moments[0].timestamp(), try moments[1].timestamp())
        guard start < end else {
            throw moments[1].refused("is \(end.zuluText), and must be after the start, \(start.zuluText)")
        }
        return TimeWindow(start: start, end: end)
    }
}
