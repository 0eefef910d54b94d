// SPDX-License-Identifier: MIT; Copyright (c) the sio authors.
//
// Node packages of the benchmark: those of tests/interop, or of the package.json that SIO_NODE_PACKAGE names.

import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";

const beside = fileURLToPath(new URL("../../tests/interop/package.json", import.meta.url));

export const packages = createRequire(process.env.SIO_NODE_PACKAGE ?? beside);
