// npm run dev:reset: deletes the local stack's data; the next start makes everything new.
import { existsSync } from "node:fs";
import { dataDirectory, removeData } from "./data-directory.ts";

const dataDir = dataDirectory();
if (existsSync(dataDir)) removeData(dataDir);
console.log(`The data in ${dataDir} is gone.`);
