// A tenant that was set up by one paste, beside one that was set up by hand after
// the help page: Qlik's own client sees no difference.
import { createQlikApi } from "@qlik/api";
import { redirect } from "../sandbox/tests-js/support.mjs";
import { expect, test } from "../fixtures/test.ts";
import { health, post, rightValues, setUp, settingsForm } from "../fixtures/portal.ts";
import type { World } from "../fixtures/world.ts";

/** What the client tells of web integrations with the portal's origin, and of JWT identity providers. */
async function seen(world: World): Promise<unknown> {
  const { host, key } = rightValues(world);
  const api = createQlikApi({ hostConfig: { authType: "apikey", host, apiKey: key } });
  const webs = await api.webIntegrations.getWebIntegrations({ limit: 100 }, { noCache: true });
  const idps = await api.identityProviders.getIdps({ limit: 100 }, { noCache: true });
  const plain = (thing: object): Record<string, unknown> => {
    // Ids and times differ from any object to the next, and a person chooses the name.
    const { id, created, createdBy, lastUpdated, name, description, links, ...rest } = thing as Record<string, unknown>;
    const made = [id, created].map((value) => typeof value);
    return { ...rest, made, named: typeof (name ?? description), linked: typeof links };
  };
  return {
    webs: (webs.data.data ?? []).filter((web) => web.validOrigins?.includes(world.origin)).map(plain),
    idps: (idps.data.data ?? []).filter((idp) => idp.protocol === "jwtAuth").map(plain),
  };
}

test("a tenant set up by one paste is as one set up by hand", async ({ page, world }) => {
  const { control } = world;
  const { host, key } = rightValues(world);
  await control.call("DELETE", `/web-integrations/${control.demo.web_integration_id}`);
  const { address, ca } = world.tenants();
  const undo = redirect(address, ca);
  try {
    await setUp(world, page);
    await page.goto("/admin/settings/set-up");
    await page.getByLabel("Qlik Sense tenant hostname").fill(host);
    await page.getByLabel("Qlik Sense API key").fill(key);
    await page.getByRole("button", { name: "Look at the tenant" }).click();
    await page.getByRole("button", { name: "Set up the connection" }).click();
    await expect(page.getByText("The connection is set up.")).toBeVisible({ timeout: 30_000 });
    const byPaste = await seen(world);
    expect(byPaste).toMatchObject({ webs: [{}], idps: [{}] });
    await post(world, page.request, "settings/disconnect", { remove_made: "true" });
    expect(await seen(world)).toEqual({ webs: [], idps: [] });

    // By hand, in the help page's order: Management Console > Web, API keys, Identity provider.
    await page.goto("/admin/settings");
    const api = createQlikApi({ hostConfig: { authType: "apikey", host, apiKey: key } });
    const web = await api.webIntegrations.createWebIntegration({ name: "By hand", validOrigins: [world.origin] });
    const made = (await api.webIntegrations.getWebIntegrations({ limit: 100 }, { noCache: true })).data.data ?? [];
    expect(web.status).toBe(201);
    const value = (id: string): Promise<string> => page.locator(`#${id}`).inputValue();
    await api.identityProviders.createIdp({
      protocol: "jwtAuth",
      provider: "external",
      description: "By hand",
      tenantIds: [control.demo.tenant_id],
      clockToleranceSec: 5,
      options: {
        issuer: await value("identity-issuer"),
        // Qlik's documents want the certificate on one line; what its console makes of a pasted one is not told.
        staticKeys: [{ kid: await value("identity-kid"), pem: (await page.locator("pre.pem").innerText()).replace(/\n/g, "") }],
      },
    });
    await settingsForm(page).host.fill(host);
    await settingsForm(page).web.fill(made.find((w) => w.name === "By hand")?.id ?? "");
    await settingsForm(page).key.fill(key);
    await settingsForm(page).save.click();
    await expect(health(page)).toContainText("Healthy");
    expect(await seen(world)).toEqual(byPaste);
  } finally {
    undo();
  }
});
