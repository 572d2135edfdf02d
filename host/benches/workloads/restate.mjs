// The benchmark's shapes as a service of Restate: steps that do nothing, one after the other or side by side.
import * as restate from "@restatedev/restate-sdk";

const nothing = () => ({});

const bench = restate.service({
  name: "bench",
  handlers: {
    chain: async (ctx, steps) => {
      for (let i = 0; i < steps; i++) await ctx.run(`s${i}`, nothing);
      return { state: "completed" };
    },
    fan: async (ctx, items) => {
      const all = Array.from({ length: items }, (_, i) => ctx.run(`i${i}`, nothing));
      await restate.RestatePromise.all(all);
      await ctx.run("joined", nothing);
      return { state: "completed" };
    },
  },
});

restate.serve({ services: [bench], port: Number(process.env.PORT) });
