// What an assay looks at, and in which windows: a pipeline, perhaps one model of it, one number of
// its records, and the grid of windows in time.
//
//     {"interval","model_name","path","pipeline_name","start","width","workspace_id","locations"}
//
// Lengths of time are kept in the words they came in, because lists show them again: `1 minutes`
// stays that. Everything else is normalised: moments are UTC, a path is spelled `output dense_1 0`.
//
// Invariants:
//  * `AssayWindowSpec(JSONField(spec.json))` gives back every specification.
//  * Width and interval are positive and at most `WrittenSpan.longest`; a window whose start is
//    given ends in a year that a text can name.

import Bytes
import JSON
import Records

/// A length of time and how it was written.
package struct WrittenSpan: Hashable, Sendable {
    package let span: TimeSpan
    /// As it was posted, or as `TimeSpan` prints it.
    package let text: String

    package init(_ span: TimeSpan) {
        self.span = span
        text = span.text
    }

    /// Throws where it is no length of time, or longer than `longest`.
    package init(_ json: JSONField) throws(FieldError) {
        span = try json.timeSpan()
        text = try json.string()
        guard span <= Self.longest else {
            throw json.refused("is \"\(text.prefix(64))\"; it must be at most a thousand years")
        }
    }

    /// Beyond any honest use, and short enough that adding a few to a moment of our days still gives
    /// a year that has a text.
    package static let longest = TimeSpan(microseconds: 365_250 * 86_400_000_000)

    /// The length of a period, in milliseconds where they suffice, as the clients write it.
    init(of period: TimeWindow) {
        let microseconds = period.end.microseconds - period.start.microseconds
        span = TimeSpan(microseconds: microseconds)
        text =
            microseconds % 1000 == 0
            ? "\(microseconds / 1000) ms" : "\(microseconds) microseconds"
    }
}

/// Which partitions of the pipeline's topic are looked at.
package enum LocationFilter: Hashable, Sendable {
    /// Null or left out: every partition.
    case all
    /// The empty list: every partition that is not an edge location.
    case home
    case named([String])

    /// Reads `locations`: null, left out, or a list of names.
    package init(_ json: JSONField) throws(FieldError) {
        guard let given = json.optional else {
            self = .all
            return
        }
        let names = try given.strings()
        self = names.isEmpty ? .home : .named(names)
    }

    /// Whether records of any of the named locations are looked at. Of the home partitions only the empty
    /// list asks.
    package func includesAny(of names: [String]) -> Bool {
        switch self {
        case .all: true
        case .home: names.isEmpty
        case .named(let own): names.contains(where: own.contains)
        }
    }

    var json: JSONValue {
        switch self {
        case .all: .null
        case .home: .array([])
        case .named(let names): .array(names.map { .string($0) })
        }
    }
}

/// Which records and which number of them an assay, or its baseline, looks at, and in which windows.
package struct AssayWindowSpec: Hashable, Sendable {
    package var pipelineName: String
    /// Nil looks at the answers of every model of the pipeline.
    @ExactText.OrNone package var modelName: String?
    package var path: IOPath
    package var width: WrittenSpan
    /// Nil stands for `width`: windows side by side.
    package var interval: WrittenSpan?
    /// Where the first window starts; nil leaves it to the baseline.
    package var start: Timestamp?
    /// Nil where the request left it out; the pipeline says it.
    package var workspaceID: WorkspaceID?
    package var locations: LocationFilter

    /// From the start of one window to the start of the next.
    package var step: TimeSpan { (interval ?? width).span }

    /// As stored and as answers show it: moments in UTC, lengths of time in the words they came in.
    package var json: JSONValue {
        .object(
            ("interval", .string(interval?.text)), ("model_name", .string(modelName)),
            ("path", .string(path.text)), ("pipeline_name", .string(pipelineName)),
            ("start", .zulu(start)), ("width", .string(width.text)),
            ("workspace_id", .identifier(workspaceID)), ("locations", locations.json))
    }

    /// What a window says where it does not say it itself.
    package struct Defaults {
        package var pipelineName: JSONField?
        package var path: JSONField?
        package var workspaceID: JSONField?

        package init(
            pipelineName: JSONField? = nil, path: JSONField? = nil, workspaceID: JSONField? = nil
        ) {
            self.pipelineName = pipelineName
            self.path = path
            self.workspaceID = workspaceID
        }
    }

    /// Windows of one path without a grid: their bounds are said elsewhere.
    init(
        _ path: IOPath, pipelineName: String, workspaceID: WorkspaceID?, modelName: String?,
        width: TimeSpan, locations: LocationFilter
    ) {
        self.pipelineName = pipelineName
        self.modelName = modelName
        self.path = path
        self.width = WrittenSpan(width)
        self.workspaceID = workspaceID
        self.locations = locations
    }

    /// Reads a window.
    ///
    /// With `endsInstead`, as in a baseline, `end` may stand for `width`, and a start is needed.
    package init(
        _ json: JSONField, defaults: Defaults = Defaults(), endsInstead: Bool = false
    ) throws(FieldError) {
        _ = try json.object()
        func present(_ field: JSONField, or other: JSONField?) -> JSONField {
            field.isPresent ? field : other?.optional ?? field
        }
        pipelineName = try present(
            json.first(of: "pipeline_name", "pipeline"), or: defaults.pipelineName
        ).string()
        modelName = try json.first(of: "model_name", "model").optional?.string()
        path = try present(json.first(of: "path", "iopath"), or: defaults.path).ioPath()
        workspaceID = try present(json["workspace_id"], or: defaults.workspaceID)
            .optional?.identifier()
        locations = try LocationFilter(json["locations"])
        interval = try json["interval"].optional.map(WrittenSpan.init)
        let startField = json.first(of: "start", "start_at")
        let endField = json.first(of: "end", "end_at")
        guard endsInstead else {
            start = try startField.optional?.timestamp()
            width = try WrittenSpan(json["width"])
            try checkEnd(startField)
            return
        }
        let start = try startField.timestamp()
        self.start = start
        guard let end = try endField.optional?.timestamp() else {
            width = try WrittenSpan(json["width"])
            try checkEnd(startField)
            return
        }
        guard start < end else {
            throw endField.refused(
                "is \(end.zuluText), and must be after the start, \(start.zuluText)")
        }
        if let given = json["width"].optional {
            width = try WrittenSpan(given)
            guard start.adding(width.span) == end else {
                throw endField.refused(
                    "is \(end.zuluText), but \(width.text) after the start is "
                        + "\(start.adding(width.span).zuluText); give one of them")
            }
        } else {
            width = WrittenSpan(of: TimeWindow(start: start, end: end))
            guard width.span <= WrittenSpan.longest else {
                throw endField.refused("is more than a thousand years after the start")
            }
        }
    }

    private func checkEnd(_ startField: JSONField) throws(FieldError) {
        guard let start, start.adding(width.span) > Timestamp.latestNamed else { return }
        throw startField.refused("is so late that a window from there ends after the year 9999")
    }
}

extension Optional where Wrapped == JSONField {
    /// `map` with a typed error.
    fileprivate func map<Result>(
        _ transform: (JSONField) throws(FieldError) -> Result
    ) throws(FieldError) -> Result? {
        guard let self else { return nil }
        return try transform(self)
    }
}
