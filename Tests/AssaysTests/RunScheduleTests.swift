// Invariants checked: the two at the head of RunSchedule.swift; the bounds of a schedule; its refusals.

import Assays
import JSON
import Records
import Testing

@Suite("Run schedules")
struct RunScheduleTests {
    static func schedule(_ frequency: String, end: String = "null") throws -> RunSchedule {
        try RunSchedule(
            Requests.field(
                """
                {"first_run":"2025-03-19T10:37:00-06:00","end":\(end),"run_frequency":\(frequency)}
                """))
    }

    static func simple(_ quantity: Int, _ unit: String) -> String {
        "{\"SimpleRunFrequency\":{\"quantity\":\(quantity),\"unit\":\"\(unit)\"}}"
    }

    private func texts(_ runs: [Timestamp]) -> [String] { runs.map(\.zuluText) }

    @Test("simple runs are the first and whole steps after it, bounded by the last")
    func simpleRuns() throws {
        let schedule = try Self.schedule(Self.simple(2, "Day"), end: "\"2025-03-23T16:37:00Z\"")
        let always = TimeWindow.always
        #expect(
            texts(schedule.runs(after: always.start, through: always.end, limit: 9))
                == ["2025-03-19T16:37:00Z", "2025-03-21T16:37:00Z", "2025-03-23T16:37:00Z"])
        #expect(schedule.next(after: try Timestamp(parsing: "2025-03-23T16:37:00Z")) == nil)
        #expect(
            schedule.next(after: try Timestamp(parsing: "2025-03-21T16:36:59.999999Z"))?.zuluText
                == "2025-03-21T16:37:00Z")
        // A preview looks back before the first; after the last there is none for it either.
        #expect(
            texts(
                schedule.runs(
                    after: try Timestamp(parsing: "2025-03-17T16:37:00Z"), through: always.end, .reachingBack,
                    limit: 5))
                == ["2025-03-19T16:37:00Z", "2025-03-21T16:37:00Z", "2025-03-23T16:37:00Z"])
        #expect(
            schedule.next(after: try Timestamp(parsing: "2025-03-16T00:00:00Z"), .reachingBack)?.zuluText
                == "2025-03-17T16:37:00Z")
    }

    @Test("units are minutes, hours, days and weeks, and runs ascend over decades")
    func units() throws {
        for (unit, seconds) in [("Minute", 60), ("Hour", 3600), ("Day", 86_400), ("Week", 604_800)] {
            let schedule = try Self.schedule(Self.simple(3, unit))
            let runs = schedule.runs(after: schedule.firstRun, through: .latestNamed, limit: 3)
            #expect(
                runs.map { ($0.microseconds - schedule.firstRun.microseconds) / 1_000_000 }
                    == [1, 2, 3].map { Int64($0 * 3 * seconds) })
        }
        let weekly = try Self.schedule(Self.simple(50_000, "Week"))
        #expect(weekly.runs(after: weekly.firstRun, through: .latestNamed, limit: 99).count == 8)
    }

    @Test("cron runs are its moments at or after the first")
    func cronRuns() throws {
        let schedule = try Self.schedule("{\"Cron\":\"37 * * * *\"}", end: "\"2025-03-19T18:00:00Z\"")
        #expect(
            texts(schedule.runs(after: TimeWindow.always.start, through: .latestNamed, limit: 9))
                == ["2025-03-19T16:37:00Z", "2025-03-19T17:37:00Z"])
        #expect(
            schedule.next(after: try Timestamp(parsing: "2025-03-19T12:00:00Z"), .reachingBack)?.zuluText
                == "2025-03-19T12:37:00Z")
        #expect(schedule.next(after: try Timestamp(parsing: "2025-03-19T17:37:00Z"), .reachingBack) == nil)
    }

    @Test("runs are counted as they are named, up to a limit, and those of a century without naming them")
    func counted() throws {
        let day = try TimeWindow(
            start: Timestamp(parsing: "2025-03-19T16:37:00Z"), end: Timestamp(parsing: "2025-03-20T16:37:00Z")
        )
        for (frequency, end) in [
            (Self.simple(7, "Minute"), "null"), (Self.simple(2, "Hour"), "\"2025-03-20T03:00:00Z\""),
            (Self.simple(1, "Week"), "null"), ("{\"Cron\":\"*/25 3-20 * * *\"}", "null"),
            ("{\"Cron\":\"0 * * * *\"}", "\"2025-03-19T18:00:00Z\""),
        ] {
            let schedule = try Self.schedule(frequency, end: end)
            for start in [TimeWindow.always.start, day.start, day.start.adding(TimeSpan(microseconds: -1))] {
                for shift: Int64 in [-86_400_000_001, -86_400_000_000, -1, 0, 1, 604_800_000_000] {
                    let last = day.end.adding(TimeSpan(microseconds: shift))
                    for limit in [0, 1, 4, 1000] {
                        let runs = schedule.runs(after: start, through: last, limit: limit)
                        #expect(schedule.runCount(after: start, through: last, limit: limit) == runs.count)
                    }
                }
            }
        }
        // Each minute to the end of the year 9999.
        let minutes = try Self.schedule(Self.simple(1, "Minute"))
        let count = minutes.runCount(after: TimeWindow.always.start, through: .latestNamed)
        #expect(count == 4_194_331_643)
    }

    @Test("every schedule reads back from its JSON")
    func readsBack() throws {
        for (frequency, end) in [
            (Self.simple(1, "Minute"), "null"), (Self.simple(7, "Week"), "\"2026-01-01T00:00:00Z\""),
            ("{\"Cron\":\" 0  0 * * MON \"}", "null"),
        ] {
            let schedule = try Self.schedule(frequency, end: end)
            #expect(try RunSchedule(Requests.field(schedule.json.text)) == schedule)
        }
        #expect(
            try Self.schedule(Self.simple(1, "Minute")).json.text == """
                {"first_run":"2025-03-19T16:37:00Z","end":null,\
                "run_frequency":{"SimpleRunFrequency":{"quantity":1,"unit":"Minute"}}}
                """)
    }

    @Test("a schedule that means nothing is refused with its member")
    func refusals() throws {
        for (frequency, end, part) in [
            ("{}", "null", "run_frequency"), ("null", "null", "run_frequency"),
            ("{\"Cron\":\"* * * * *\",\"SimpleRunFrequency\":{}}", "null", "exactly one"),
            (Self.simple(0, "Day"), "null", "run_frequency.SimpleRunFrequency.quantity"),
            (Self.simple(50_001, "Day"), "null", "quantity"), (Self.simple(1, "Month"), "null", "unit"),
            ("{\"Cron\":\"0 0 30 2 *\"}", "null", "run_frequency.Cron"),
            (Self.simple(1, "Day"), "\"2025-03-19T16:36:59Z\"", "\"end\""),
            ("{\"Cron\":\"0 0 1 1 *\"}", "\"2025-12-31T00:00:00Z\"", "never be a run"),
        ] {
            let error = #expect(throws: FieldError.self) { try Self.schedule(frequency, end: end) }
            #expect(error?.description.contains(part) == true, "\(error?.description ?? "")")
        }
        // Of a schedule without an end it is the first run that is too late.
        for (end, field) in [("null", "first_run"), ("\"9999-06-01T00:00:00Z\"", "end")] {
            let error = #expect(throws: FieldError.self) {
                try RunSchedule(
                    Requests.field(
                        """
                        {"first_run":"9999-01-01T00:00:00Z","end":\(end),"run_frequency":{"Cron":"0 0 29 2 *"}}
                        """))
            }
            #expect(error?.field == field && error?.problem.contains("never be a run") == true)
        }
    }
}
