// Both drawings of the curves, as text and as SVG.
import test from 'ava'
import { svgChart, textChart } from '../../bench/chart.js'

const GRAINS = [1e-6, 1e-5, 1e-4]
const LINES = [
  { title: 'first & <best>', points: GRAINS.map((grainSeconds, nth) => ({ grainSeconds, efficiency: 0.5 * nth })) },
  { title: 'second', points: [undefined, undefined, { grainSeconds: 1e-4, efficiency: 0.31 }] },
]

test('the text has a letter for each point that was measured, at its height', t => {
  const rows = textChart(LINES, GRAINS).split('\n')
  const level = (percent: number) => rows.find(row => row.trimStart().startsWith(`${percent} % |`)) ?? ''
  t.regex(level(100), /\|\s{19}A$/)
  t.regex(level(50), /\|\s{10}A$/)
  t.regex(level(0), /\| A$/)
  t.regex(level(30), /\|\s{19}B$/)
  t.is(
    rows
      .filter(row => row.includes('|'))
      .join('')
      .match(/[A-Z]/g)?.length,
    4,
  )
})

test('the picture escapes titles and leaves out what was not measured', t => {
  const svg = svgChart('drawn', LINES, GRAINS)
  t.true(svg.includes('first &amp; &lt;best>'))
  t.false(svg.includes('NaN'))
  t.is(svg.match(/<polyline/g)?.length, 2)
})
