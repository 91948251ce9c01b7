// Objects with a member for each path, as the second generation writes them: `{"in.age": …, "out.dense_1.0": …}`.
//
// Two paths may be called the same: element 0 of `in.a`, and the whole of a field `in.a.0`. Asked for, they are
// refused (SeriesTargeting.refuseMistakes); assays that were scheduled before that go on. What is written of theirs
// has such a name twice, in the order of the paths.
//
// Invariants:
//  * What was written with a member for each path is read back path by path, whatever they are called.
//  * A name that stands more or less often than paths have it is read as everywhere: its last member counts.

import Bytes
import JSON
import Records

extension JSONField {
    /// The members of this object that are called as `paths` are, one for each path, in their order; without a
    /// value where none is called so.
    func members(calledAs paths: [IOPath]) throws(FieldError) -> [JSONField] {
        var values: [ExactText: [JSONValue]] = [:]
        for member in try object().members { values[ExactText(member.key), default: []].append(member.value) }
        let names = paths.map { ExactText($0.dottedText) }
        let counts = Dictionary(names.map { ($0, 1) }, uniquingKeysWith: +)
        var seen: [ExactText: Int] = [:]
        return names.map { name in
            let place = seen[name, default: 0]
            seen[name] = place + 1
            let found = values[name] ?? []
            return JSONField(
                found.count == counts[name] ? found[place] : found.last, path: self[name.text].path)
        }
    }
}

extension SeriesTargeting {
    /// What whoever reads answers about these paths has to know; nil where no two are called the same.
    package var namingProblem: String? {
        var names: Set<ExactText> = []
        let twice = targets.map(\.path.dottedText).filter { !names.insert(ExactText($0)).inserted }
        guard let first = twice.first else { return nil }
        return "\"scores\" and \"summaries\" call two paths \(first), an element and a field of that name"
            + (twice.count > 1 ? " (and so \(twice.count - 1) more)" : "")
            + ": they stand there one after the other, in the order of \"iopath\", and most readers keep the last "
            + "alone; schedule an assay for each of the two"
    }
}
