// The routes of content, out of the table.
import type { Route } from "../../src/http/route.ts";
import { ROUTES } from "../../src/http/routes.ts";

const routeOf = (id: string): Route => ROUTES.find(({ operation }) => operation.id === id) as Route;

export const contentRoutes = { list: routeOf("listContent"), one: routeOf("getContent") };
