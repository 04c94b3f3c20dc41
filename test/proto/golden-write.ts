// `npm run golden`: writes the golden messages that are missing. Out: their files, by name.
import { writeGolden } from './golden.js'

for (const file of writeGolden()) console.log(file)
