// Rows as clients post them, from a seed, and what they mean: the oracle of the round trips.
//
// The meaning of a row is a table from dotted names to values, worked out on JSON trees, without a
// word of the parser under test.

import JSON
import Simulation

/// What rows mean: for each row, its fields by dotted name, with number texts as posted.
struct Meaning: Equatable {
    var rows: [[String: JSONValue]]

    /// Nil where `text` is not JSON, or not rows.
    init?(_ text: String) {
        // A tree cannot hold half of a surrogate pair; here any character stands for it, on both sides.
        let text = Self.withoutLoneSurrogates(text)
        guard case .array(let rows) = try? JSONValue(parsing: text) else { return nil }
        self.rows = []
        for row in rows {
            guard case .object(let object) = row, let fields = Self.fields(object) else {
                return nil
            }
            self.rows.append(fields)
        }
    }

    init?(lines text: String) {
        self.init(
            "["
                + text.split(separator: "\n").filter { !$0.allSatisfy(\.isWhitespace) }.joined(
                    separator: ",")
                + "]")
    }

    /// The tests write lone surrogates as `\ud8xx` and `\udcxx` and no pairs of escapes.
    private static func withoutLoneSurrogates(_ text: String) -> String {
        var result = ""
        var rest = Substring(text)
        while let escape = rest.firstRange(of: "\\ud") {
            let isEscaped =
                rest[..<escape.lowerBound].reversed().prefix { $0 == "\\" }.count % 2 == 1
            result += rest[..<escape.lowerBound] + (isEscaped ? "\\ud" : "\\ue")
            rest = rest[escape.upperBound...]
        }
        return result + rest
    }

    /// Nil where a field is given twice.
    private static func fields(_ row: JSONObject) -> [String: JSONValue]? {
        var fields: [String: JSONValue] = [:]
        var keys: Set<String> = []
        for member in row.members {
            guard keys.insert(member.key).inserted else { return nil }
            let isGroup =
                ["in", "out", "metadata", "anomaly"].contains(member.key)
                || member.key.hasPrefix("out_") && !member.key.contains(".")
            if isGroup, case .object(let group) = member.value, !group.members.isEmpty {
                for inner in group.members {
                    guard
                        fields.updateValue(inner.value, forKey: member.key + "." + inner.key) == nil
                    else {
                        return nil
                    }
                }
            } else {
                guard fields.updateValue(member.value, forKey: member.key) == nil else {
                    return nil
                }
            }
        }
        // The time that is not there is filled in by the log; here it is left out on both sides.
        if fields["time"] == .null { fields["time"] = nil }
        return fields
    }
}

/// Random rows; each field mostly keeps its kind, and now and then does not.
struct PostedRows {
    private var generator: SeededGenerator

    init(seed: UInt64) { generator = SeededGenerator(seed: seed) }

    static let names = [
        "in.a", "in.b", "out.a", "out_shadow.a", "metadata.partition", "metadata.elapsed",
        "anomaly.count",
        "check_failures", "plain", "é", "in.x.y", "with \"quotes\"", "dotted.name",
    ]

    private mutating func pick<Element>(_ elements: [Element]) -> Element {
        elements[Int.random(in: elements.indices, using: &generator)]
    }

    private mutating func chance(_ one: Int) -> Bool {
        Int.random(in: 0..<one, using: &generator) == 0
    }

    /// The text of a body and whether it was made nested.
    mutating func body(rowCount: Int, lines: Bool) -> String {
        let fields = Self.names.filter { _ in !chance(3) }
        let kinds = fields.map { _ in Int.random(in: 0..<10, using: &generator) }
        let rows = (0..<rowCount).map { _ in row(fields, kinds) }
        if lines {
            return rows.joined(separator: pick(["\n", "\n\n", " \n \n"])) + pick(["", "\n"])
        }
        return space() + "[" + rows.joined(separator: space() + "," + space()) + "]" + space()
    }

    private mutating func row(_ fields: [String], _ kinds: [Int]) -> String {
        let isNested = chance(2)
        var members: [String] = []
        if !chance(6) {
            members.append(member("time", pick(["1704827224734", "-1", "0", "null"])))
        }
        var groups: [String: [String]] = [:]
        for (name, kind) in zip(fields, kinds) {
            if chance(8) { continue }
            let value =
                chance(8)
                ? "null" : self.value(chance(30) ? Int.random(in: 0..<10, using: &generator) : kind)
            let parts = name.split(separator: ".", maxSplits: 1).map(String.init)
            if isNested && parts.count == 2 && parts[0] != "dotted" {
                groups[parts[0], default: []].append(member(parts[1], value))
            } else {
                members.append(member(name, value))
            }
        }
        for group in groups.keys.sorted() {
            members.append(
                member(
                    group, "{" + space() + groups[group, default: []].joined(separator: ",") + "}"))
        }
        if isNested && chance(10) && !groups.keys.contains("out")
            && !members.contains(where: { $0.contains("out.") })
        {
            members.append(member("out", "{ }"))
        }
        if chance(10) { members.shuffle(using: &generator) }
        return "{" + space() + members.joined(separator: space() + ",") + space() + "}"
    }

    private mutating func member(_ name: String, _ value: String) -> String {
        JSONValue.string(name).text + space() + ":" + space() + value
    }

    private mutating func space() -> String { chance(4) ? pick([" ", "  ", "\t", " \r"]) : "" }

    mutating func value(_ kind: Int) -> String {
        switch kind {
        case 0: return number(0)
        case 1: return number(1)
        case 2: return number(2)
        case 3: return string()
        case 4: return pick(["true", "false"])
        case 5: return list(count: 3) { $0.number(1) }
        case 6: return list(count: Int.random(in: 0...4, using: &generator)) { $0.number(2) }
        case 7: return list(count: Int.random(in: 0...2, using: &generator)) { $0.string() }
        case 8:
            return pick([
                "{}", "[]", "[[1.50,2],[ 3 ]]", "{\"a\" : [1, null]}", "[1,\"a\"]", "[{}]",
                "{\"b\":\"\\u00e9 , \\\"\"}",
                "[true,null]", "[null]", "[null,null]", "[[]]", "[false]",
            ])
        default: return list(count: 2) { $0.number(0) }
        }
    }

    /// 0: integers; 1: decimals; 2: anything.
    mutating func number(_ kind: Int) -> String {
        switch kind {
        case 0: return String(Int.random(in: -3...3, using: &generator))
        case 1: return "\(Double(Int.random(in: -9999...9999, using: &generator)) / 100)"
        default:
            return pick([
                "0", "-0", "0.0", "-0.0", "1", "1.0", "2.0", "-5", "1.5", "1.50", "1e3", "1E+3",
                "100e-2",
                "1e400", "-1e400",
                "5e-324", "1e-400", "12345678901234567890123", "9007199254740993",
                "9223372036854775807",
                "-9223372036854775808", "9223372036854775808", "0.1", "0.30000000000000004",
                "1e-05", "1e-5",
                "1e+16",
                "10000000000000000", "0.00026360154151916504", "123456789.123456789123456789",
            ])
        }
    }

    private mutating func string() -> String {
        pick([
            "\"\"", "\"a\"", "\"engine-b4789c964-cnjjb\"", "\"é😀\"",
            "\"{\\\"model\\\":\\\"x\\\"}\"",
            "\"\\u0041\\n\\/\"",
            "\"\\u0000\"", "\"tab\\t\"", "\"a\"", "\"a\"",
        ]).replacing("é😀\"", with: chance(20) ? "\\ud800x\"" : "é😀\"")
    }

    private mutating func list(count: Int, _ element: (inout PostedRows) -> String) -> String {
        var elements: [String] = []
        for _ in 0..<count { elements.append(chance(9) ? "null" : element(&self)) }
        return "[" + space() + elements.joined(separator: space() + "," + space()) + space() + "]"
    }
}
