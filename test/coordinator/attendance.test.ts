import test from 'ava'
import { Attendance } from '../../coordinator/attendance.js'

test('slots count while their agent is heard of', t => {
  const attendance = new Attendance()
  t.is(attendance.absence, 'no agent has joined yet')
  t.true(attendance.join('ann', 2))
  t.true(attendance.join('bob', 3))
  t.false(attendance.join('bob', 3))
  t.deepEqual([attendance.agents, attendance.slots, attendance.absence], [2, 5, undefined])
  t.true(attendance.join('bob', 1))
  t.true(attendance.leave('ann'))
  t.false(attendance.leave('ann'))
  t.is(attendance.slots, 1)
  attendance.leave('bob')
  t.deepEqual([attendance.slots, attendance.absence], [0, 'no agent is heard of any more'])
})

test('a job that all who are there refuse has nobody', t => {
  const attendance = new Attendance()
  attendance.join('ann', 1)
  attendance.join('bob', 1)
  t.false(attendance.refuse('ann'))
  t.false(attendance.refuse('ann'))
  t.true(attendance.refuse('bob'))
})
