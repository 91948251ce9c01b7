// What an assay of the second generation looks at: a pipeline's records, and any number of paths in them.
//
//     {"data_origin": {"pipeline_id", "pipeline_name", "workspace_id", "workspace_name",
//                      "locations", "model_id"},
//      "iopath": [{"field": "out.dense_1", "indexes": [0], "thresholds": {"warning", "alert"}}]}
//
// A field with indexes stands for one path each; without, it is one number a record. Answers name a path
// by its dotted text: `out.dense_1.0`, or `out.score`. `model_id` is the model's name. A threshold that is
// left out is never reached; `locations` mean what they do in the first generation.
//
// Invariants:
//  * There is at least one path, at most `pathCountMax`, and no two are the same; asked for, none are called the same.
//  * `SeriesTargeting(JSONField(targeting.json))` gives back every targeting.

import Bytes
import JSON
import Records

/// Scores at which people want to hear of a path; nil is never reached.
package struct SeriesThresholds: Hashable, Sendable {
    package var warning: Double?
    package var alert: Double?

    package init(warning: Double? = nil, alert: Double? = nil) {
        self.warning = warning
        self.alert = alert
    }
}

/// One path and its thresholds.
package struct SeriesTarget: Hashable, Sendable {
    package let path: IOPath
    package let thresholds: SeriesThresholds
}

/// The pipeline that an assay of the second generation looks at, and the paths with their thresholds.
package struct SeriesTargeting: Hashable, Sendable {
    /// A result says of every path what became of it, and is one document.
    package static let pathCountMax = 1000

    /// A request names the pipeline by number, name or both; whoever stores the targeting fills in the rest.
    package var pipelineID: PipelineID?
    package var pipelineName: String?
    package var workspaceID: WorkspaceID?
    package var workspaceName: String?
    package let locations: LocationFilter
    @ExactText.OrNone package private(set) var modelName: String?
    /// As posted: fields, each with its indexes.
    private let fields: [Field]
    /// The paths, in the order of the fields and their indexes.
    package let targets: [SeriesTarget]

    private struct Field: Hashable, Sendable {
        @ExactText var name: String
        var indexes: [Int]?
        var thresholds: SeriesThresholds
    }

    /// As posted: fields with their indexes, not the paths they stand for.
    package var json: JSONValue {
        .object(
            (
                "data_origin",
                .object(
                    ("pipeline_name", .string(pipelineName)), ("pipeline_id", .identifier(pipelineID)),
                    ("workspace_name", .string(workspaceName)),
                    ("workspace_id", .identifier(workspaceID)), ("model_id", .string(modelName)),
                    ("locations", locations.json))
            ),
            (
                "iopath",
                .array(
                    fields.map { field in
                        .object(
                            ("field", .string(field.name)),
                            ("indexes", field.indexes.map { .array($0.map { .integer($0) }) } ?? .null),
                            (
                                "thresholds",
                                .object(
                                    ("warning", .number(field.thresholds.warning)),
                                    ("alert", .number(field.thresholds.alert)))
                            ))
                    })
            ))
    }

    /// What was stored before may have them; asked for, they are mistakes: thresholds that no score is below, and
    /// paths that no answer could tell apart, element 0 of `in.a` and the whole of `in.a.0`.
    package func refuseMistakes() throws(FieldError) {
        var names: Set<ExactText> = []
        var paths = targets.map(\.path)[...]
        for (position, field) in fields.enumerated() {
            let count = max(1, field.indexes?.count ?? 1)
            for path in paths.prefix(count) where !names.insert(ExactText(path.dottedText)).inserted {
                throw FieldError(
                    field: "targeting.iopath[\(position)]",
                    problem:
                        "is called \(path.dottedText) in answers, as is another path here, an element or a "
                        + "field of that name; watch them in two assays")
            }
            paths = paths.dropFirst(count)
            for (name, threshold) in [
                ("warning", field.thresholds.warning), ("alert", field.thresholds.alert),
            ] {
                guard let threshold, threshold < 0 else { continue }
                throw FieldError(
                    field: "targeting.iopath[\(position)].thresholds.\(name)",
                    problem: "is \(threshold), and no score is below 0; give 0 or more")
            }
        }
    }

    /// Reads a targeting. Throws without a pipeline or a path, for a path named twice, above `pathCountMax`, and for a
    /// member of a path that is not known.
    package init(_ json: JSONField) throws(FieldError) {
        _ = try json.object()
        let origin = json["data_origin"]
        _ = try origin.object()
        pipelineID = try origin["pipeline_id"].optional?.identifier()
        pipelineName = try origin["pipeline_name"].optional?.string()
        guard pipelineID != nil || pipelineName != nil else {
            throw origin["pipeline_id"].refused("is missing; give it, or \"pipeline_name\"")
        }
        workspaceID = try origin["workspace_id"].optional?.identifier()
        workspaceName = try origin["workspace_name"].optional?.string()
        modelName = try origin["model_id"].optional?.string()
        locations = try LocationFilter(origin["locations"])
        var fields: [Field] = []
        var targets: [SeriesTarget] = []
        var seen: Set<IOPath> = []
        for field in try json["iopath"].array() {
            // A misspelled one would never alert, or watch another place.
            try field.refuseMembers(besides: ["field", "indexes", "thresholds"])
            let name = try field["field"].string()
            var indexes: [Int]?
            if let given = field["indexes"].optional {
                var numbers: [Int] = []
                for index in try given.array() {
                    numbers.append(try index.integer(in: 0...IOPath.elementMax))
                }
                indexes = numbers
            }
            let thresholds = try SeriesThresholds(field["thresholds"])
            fields.append(Field(name: name, indexes: indexes, thresholds: thresholds))
            let elements: [Int?] = indexes.flatMap { $0.isEmpty ? nil : $0 } ?? [nil]
            for element in elements {
                let path: IOPath
                do { path = try IOPath(recordField: name, element: element) } catch {
                    throw field["field"].refused("is wrong: \(error)")
                }
                guard seen.insert(path).inserted else {
                    throw field.refused("names \(path.dottedText) again; name each path once")
                }
                targets.append(SeriesTarget(path: path, thresholds: thresholds))
                guard targets.count <= Self.pathCountMax else {
                    throw json["iopath"].refused("names more than \(Self.pathCountMax) paths")
                }
            }
        }
        guard !targets.isEmpty else {
            throw json["iopath"].refused("names no path; give at least one {\"field\": \"out.name\"}")
        }
        self.fields = fields
        self.targets = targets
    }
}

extension SeriesThresholds {
    /// Null, or what it names of both. A misspelled one would never alert, so it is refused.
    fileprivate init(_ json: JSONField) throws(FieldError) {
        guard json.isPresent else {
            self.init(warning: nil, alert: nil)
            return
        }
        try json.refuseMembers(besides: ["warning", "alert"])
        self.init(
            warning: try json["warning"].optional?.double(), alert: try json["alert"].optional?.double())
    }
}
