// Invariants checked: the last two at the head of OnnxRuntimeLibrary.swift. Who releases what is
// counted exactly, on a table of our own making, so no library is needed.
//
// (The first, that the library stays, has no other side to observe.)

import Synchronization
import Testing

@testable import Serving

// Functions of the imitated table can hold no state, so the counts are global; the suite is serial.
private let statusesReleased = Atomic(0)
private let valuesReleased = Atomic(0)
private let environmentsReleased = Atomic(0)
private let valuesReleasedBeforeEnvironment = Atomic(0)

@Suite("Who releases what", .serialized)
struct OnnxRuntimeLibraryTests {
    /// An object that is only ever passed around.
    let object: OpaquePointer

    init() throws { object = try #require(OpaquePointer(bitPattern: 0x1000)) }

    /// A table whose functions do nothing, but that statuses have a text and releases are counted.
    func imitation() throws -> OnnxRuntimeTable {
        statusesReleased.store(0, ordering: .relaxed)
        valuesReleased.store(0, ordering: .relaxed)
        environmentsReleased.store(0, ordering: .relaxed)
        valuesReleasedBeforeEnvironment.store(0, ordering: .relaxed)

        let message: @convention(c) (OpaquePointer) -> UnsafePointer<CChar> = { _ in
            StaticString("no luck").utf8Start.withMemoryRebound(to: CChar.self, capacity: 8) { $0 }
        }
        let releaseStatus: @convention(c) (OpaquePointer) -> Void = { _ in
            statusesReleased.add(1, ordering: .relaxed)
        }
        let releaseValue: @convention(c) (OpaquePointer) -> Void = { _ in
            valuesReleased.add(1, ordering: .relaxed)
            if environmentsReleased.load(ordering: .relaxed) == 0 {
                valuesReleasedBeforeEnvironment.add(1, ordering: .relaxed)
            }
        }
        let releaseEnvironment: @convention(c) (OpaquePointer) -> Void = { _ in
            environmentsReleased.add(1, ordering: .relaxed)
        }
        var slots = [UnsafeRawPointer?](
            repeating: unsafeBitCast(releaseStatus, to: UnsafeRawPointer.self), count: 101)
        slots[2] = unsafeBitCast(message, to: UnsafeRawPointer.self)
        slots[92] = unsafeBitCast(releaseEnvironment, to: UnsafeRawPointer.self)
        slots[96] = unsafeBitCast(releaseValue, to: UnsafeRawPointer.self)
        let table = slots.withUnsafeBufferPointer {
            $0.baseAddress.map { OnnxRuntimeTable(slots: $0) }
        }
        return try #require(table)
    }

    func library() throws -> OnnxRuntimeLibrary {
        OnnxRuntimeLibrary(table: try imitation(), environment: object, version: "0")
    }

    @Test("a status is read and released once; success is none")
    func statuses() throws {
        let library = try library()
        #expect(servingError { () throws(ServingError) in try library.check(nil) } == nil)
        #expect(statusesReleased.load(ordering: .relaxed) == 0)
        #expect(
            servingError { () throws(ServingError) in try library.check(object) }
                == .runtime(reason: "no luck"))
        #expect(statusesReleased.load(ordering: .relaxed) == 1)
    }

    @Test("an object is released once when it goes out of scope, also by an error")
    func objects() throws {
        let library = try library()
        let error = servingError { () throws(ServingError) in
            let made = try library.make(releasedBy: library.table.releaseValue) {
                $0.pointee = object
                return nil
            }
            #expect(made.pointer == object)
            #expect(valuesReleased.load(ordering: .relaxed) == 0)
            throw .missingInput(field: "any")
        }
        #expect(error == .missingInput(field: "any"))
        #expect(valuesReleased.load(ordering: .relaxed) == 1)
    }

    @Test("nothing is released that was not made")
    func nothingMade() throws {
        let library = try library()
        #expect(
            servingError { () throws(ServingError) in
                _ = try library.make(releasedBy: library.table.releaseValue) { _ in object }
            } == .runtime(reason: "no luck"))
        #expect(
            servingError { () throws(ServingError) in
                _ = try library.make(releasedBy: library.table.releaseValue) { _ in nil }
            } == .runtime(reason: "succeeded, but returned nothing"))
        #expect(valuesReleased.load(ordering: .relaxed) == 0)
        #expect(statusesReleased.load(ordering: .relaxed) == 1)
    }

    @Test("of a run's values those that came are released", arguments: [0, 1, 3])
    func values(cameCount: Int) throws {
        do {
            let values = RuntimeValues(count: 3, in: try library())
            for position in 0..<cameCount { values.places[position] = object }
            #expect(valuesReleased.load(ordering: .relaxed) == 0)
        }
        #expect(valuesReleased.load(ordering: .relaxed) == cameCount)
    }

    @Test("the environment outlives the last object made in it")
    func environmentIsLast() throws {
        do {
            let last: RuntimeObject
            do {
                let library = try library()
                last = RuntimeObject(object, in: library, releasedBy: library.table.releaseValue)
            }
            #expect(environmentsReleased.load(ordering: .relaxed) == 0)
            #expect(last.pointer == object)
        }
        #expect(valuesReleasedBeforeEnvironment.load(ordering: .relaxed) == 1)
        #expect(environmentsReleased.load(ordering: .relaxed) == 1)
    }
}
