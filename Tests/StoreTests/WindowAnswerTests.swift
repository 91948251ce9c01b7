// Invariant checked: the one at the head of WindowAnswer.swift; then that the pieces of an answer are one document,
// however many there are, and what a path that nobody has is.

import JSON
import Queries
import Records
import Testing

@testable import Store

@Suite("The answer to a window's question")
struct WindowAnswerTests {
    static func answer(_ scene: Scene, _ path: String = "output y") throws -> WindowAnswer {
        let query = WindowQuery(
            topic: scene.pipeline.topic.name, window: .always, path: try IOPath(parsing: path))
        return try WindowAnswer(query, of: scene.store.view.snapshot)
    }

    @Test("an answer is one document, in as many pieces as it takes", arguments: [0, 1, 2, 30_000])
    func pieces(count: Int) async throws {
        let scene = try await Scene()
        let numbers = (0..<count).map { Double($0) + 0.5 }
        if count > 0 { try await scene.append(numbers.map { ($0, $0) }) }
        let answer = try Self.answer(scene)
        let pieces = Array(answer.pieces(withPlan: true))
        #expect((pieces.count > 1) == (count == 30_000))
        let document = JSONField(try JSONValue(parsing: pieces.flatMap(\.self)))
        #expect(try document["times"].array().map { try Int64($0.integer()) } == answer.values.times)
        #expect(try document["values"].array().map { try $0.double() } == numbers)
        #expect(
            try document["cut"].integer() == Int(scene.store.log.cut) && document["unseen"].array().isEmpty)
        // The lists are members behind the others.
        let head = try JSONField(answer.document(withSummary: false, withPlan: true)).object().members
        #expect(try document.object().members.map(\.key) == head.map(\.key) + ["times", "values"])
        // Whoever takes them a second time has the same.
        #expect(Array(answer.pieces(withPlan: true)) == pieces)
        try await scene.store.close()
    }

    @Test("a path is unknown where there are records, and none has a number at it")
    func unknownPath() async throws {
        let scene = try await Scene()
        #expect(try !Self.answer(scene, "output none").isOfUnknownPath())
        try await scene.append([(0, 1)])
        #expect(try Self.answer(scene, "output none").isOfUnknownPath())
        #expect(try !Self.answer(scene).isOfUnknownPath())
        try await scene.store.close()
    }
}
