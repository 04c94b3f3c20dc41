// In: what `npm test` printed (a file) and the code that it ended with. Out: the line "N passed, N failed", and a code other
// than 0 unless tests ran and all passed. A file of tests that crashed, hung or held none counts as one failed test; so does
// an end with an error that no test explains, such as a build that failed.
import { readFileSync } from 'node:fs'

const [file, code] = process.argv.slice(2)
const lines = readFileSync(file, 'utf8').split(/\r?\n/)
// ava lists the tests with their marks, then a rule, the failures in full, a rule, and the sums.
const rule = lines.findIndex(line => /^ {2}─+$/.test(line))
const listed = rule === -1 ? lines : lines.slice(0, rule)
const sums = rule === -1 ? [] : lines.slice(rule)
const sum = pattern => sums.reduce((total, line) => total + Number(pattern.exec(line)?.[1] ?? 0), 0)

const passed = listed.filter(line => line.startsWith('  ✔ ')).length
const marked = listed.filter(line => line.startsWith('  ✘ ')).length
const summed = sum(/^ {2}(\d+) tests? failed$/) + sum(/^ {2}(\d+) (?:uncaught exceptions?|unhandled rejections?)$/)
let failed = Math.max(marked, summed)
const ranWell = code === '0' && passed > 0
if (failed === 0 && !ranWell) failed = 1
console.log(`${passed} passed, ${failed} failed`)
process.exitCode = failed === 0 ? 0 : 1
