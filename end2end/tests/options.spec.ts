// The other authentication options, walked as people walk them: Qlik credentials by
// the help page, Qlik OAuth for everyone, and each user's own connection, in a browser
// that goes to Qlik and comes back.
import { existsSync } from "node:fs";
import AxeBuilder from "@axe-core/playwright";
import { chromium, type Page } from "@playwright/test";
import { expect, test } from "../fixtures/test.ts";
import { check, health, join, post, rightValues, settingsForm, setUp, signIn } from "../fixtures/portal.ts";
import { people, WRONG_PASSWORD, type World } from "../fixtures/world.ts";

const { ada, bea } = people;

const option = (page: Page, name: string) => page.getByRole("radio", { name, exact: true });
const said = (page: Page, text: string | RegExp) => page.locator("#notice").filter({ hasText: text });

async function clean(page: Page): Promise<void> {
  const { violations } = await new AxeBuilder({ page }).analyze();
  expect(violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.target).join(" ")}`)).toEqual([]);
}

/** Chooses Qlik credentials as an administrator does. */
async function chooseCredentials(world: World, page: Page): Promise<void> {
  const { host, web } = rightValues(world);
  await page.goto("/admin/settings");
  await settingsForm(page).host.fill(host);
  await settingsForm(page).web.fill(web);
  await option(page, "Qlik credentials").check();
  await expect(settingsForm(page).key, "nothing else is asked for").toBeHidden();
  await settingsForm(page).save.click();
}

test.describe("Qlik credentials", { tag: "@forms" }, () => {
  test("the help page's first option: chosen, registered by each user, asked for, removed", async ({
    page,
    world,
    newPerson,
    javaScriptEnabled,
  }) => {
    const { control } = world;
    const right = control.accountPassword(bea.email);
    await setUp(world, page);
    await chooseCredentials(world, page);
    await expect(said(page, "Connected.")).toBeVisible();
    await expect(health(page)).toContainText("Healthy");
    await expect(check(page, "sign_in_way")).toContainText("signs people in with Qlik accounts");
    await expect(option(page, "Qlik credentials")).toBeChecked();
    if (javaScriptEnabled !== false) await clean(page);

    // A user is told what to do, and is asked for it.
    const beas = await newPerson();
    await join(world, page, beas, bea);
    await beas.goto("/apps");
    await expect(beas.getByRole("main")).toContainText("Qlik");
    await beas.getByRole("link", { name: "Open Profile" }).click();
    await expect(beas).toHaveURL(/\/profile#qlik$/);
    await page.goto("/admin/users");
    await expect(page.getByRole("row", { name: /Bea/ })).toContainText("Not registered");
    await page.getByRole("button", { name: "Ask them" }).click();
    await expect(said(page, "1 user is asked")).toBeVisible();
    await beas.goto("/apps");
    await expect(beas.getByText("Ada Lovelace asks you to register your Qlik credentials")).toBeVisible();
    await beas.getByRole("link", { name: "Register them in your Profile" }).click();

    // The e-mail is fixed; a wrong password is tried once, told and not kept.
    await expect(beas.getByLabel("E-mail", { exact: true })).toHaveValue(bea.email);
    await expect(beas.getByLabel("E-mail", { exact: true })).not.toBeEditable();
    const password = beas.getByLabel("Qlik password", { exact: true });
    const save = beas.getByRole("region", { name: "Qlik credentials" }).getByRole("button", { name: "Save" });
    await password.fill(WRONG_PASSWORD);
    await save.click();
    await expect(beas.locator("#qlik-qlik_password-error")).toContainText(/does not accept|refus/i);
    await expect(password).toHaveAttribute("aria-invalid", "true");
    await expect(password).toHaveValue("");
    expect(await control.tries(bea.email)).toMatchObject({ tries: 1, failures: 1 });
    if (javaScriptEnabled !== false) await clean(beas);
    // The same one is not sent again.
    await password.fill(WRONG_PASSWORD);
    await save.click();
    await expect(beas.getByText("it was not sent again").first()).toBeVisible();
    expect(await control.tries(bea.email)).toMatchObject({ tries: 1, failures: 1 });

    await password.fill(right);
    await save.click();
    await expect(said(beas, "It works.")).toBeVisible();
    await expect(beas.getByText("asks you to register")).toHaveCount(0);
    await beas.goto("/apps");
    await expect(beas.locator("ul.apps li").first()).toBeVisible();
    expect(await control.tries(bea.email)).toMatchObject({ tries: 2, failures: 1 });

    // Nothing of what was typed is left in the server's memory: not the one that is stored, nor the refused one.
    // A connection that the browser keeps open may hold the last bytes that it sent.
    await beas.goto("/profile");
    const seen = [bea.email, right, WRONG_PASSWORD];
    if (world.inMemory([]) === undefined) {
      const description = "the server's memory: only a superuser may look into it";
      test.info().annotations.push({ type: "not searched", description });
    } else {
      await expect(() => expect(world.inMemory(seen)).toEqual([bea.email])).toPass();
    }

    // The administrator sees how it stands, and never the password.
    await page.goto("/admin/users");
    await expect(page.getByRole("row", { name: /Bea/ })).toContainText("Works");
    await page.getByRole("row", { name: /Bea/ }).getByRole("link", { name: /Manage/ }).click();
    await expect(page.getByRole("region", { name: "Qlik", exact: true })).toContainText("Works");
    expect(await page.content()).not.toContain(right);

    await beas.goto("/profile");
    if (javaScriptEnabled !== false) await clean(beas);
    await beas.getByRole("region", { name: "Qlik credentials" }).getByRole("link", { name: "Remove" }).click();
    await expect(beas.getByRole("main")).toContainText("My apps opens nothing from Qlik until");
    if (javaScriptEnabled !== false) await clean(beas);
    await beas.getByRole("button", { name: "Remove" }).click();
    await expect(said(beas, "is deleted here")).toBeVisible();
    await expect(beas.getByRole("region", { name: "Qlik credentials" })).toContainText("Not registered");
  });

  test("a tenant with its own identity provider refuses it, with the reason, and loses nothing typed", async ({
    page,
    world,
  }) => {
    await setUp(world, page);
    const { tenant_id } = world.control.demo;
    const corporate = { corporate_idp: true, corporate_host: "sso.corp.example" };
    await world.control.call("PATCH", `/tenants/${tenant_id}`, corporate);
    await chooseCredentials(world, page);
    const error = page.locator("#settings-auth_option-error");
    await expect(error).toContainText("signs people in with an identity provider of your organisation");
    await expect(error).toContainText("sso.corp.example");
    await expect(error).toContainText("Qlik OAuth");
    await expect(option(page, "Qlik credentials")).toBeChecked();
    await expect(settingsForm(page).host).toHaveValue(rightValues(world).host);
    await expect(health(page)).toContainText("Not connected");
  });

  test("leaving the option says how many passwords it wipes", async ({ page, world }) => {
    await setUp(world, page);
    const { host, web, key } = rightValues(world);
    await post(world, page.request, "settings/save", {
      tenant_host: host,
      web_integration_id: web,
      auth_option: "credentials",
    });
    await post(world, page.request, "profile/qlik/register", {
      qlik_password: world.control.accountPassword(ada.email),
    });
    await page.goto("/admin/settings");
    await option(page, "Qlik Sense API key").check();
    await settingsForm(page).key.fill(key);
    await settingsForm(page).save.click();
    await expect(page).toHaveURL("/admin/settings/change");
    const means = page.getByRole("region", { name: "What it means for users" });
    await expect(means).toContainText("1 stored Qlik password is wiped");
    await page.getByRole("button", { name: "Create identity provider" }).click();
    await page.getByRole("button", { name: "Switch to the new settings" }).click();
    await expect(said(page, "The new settings are in force.")).toBeVisible();
    await page.goto("/profile");
    await expect(page.getByRole("region", { name: "Qlik credentials" })).toContainText("No longer used");

    // Back again, who registered is asked anew.
    await page.goto("/admin/settings");
    await page.getByRole("button", { name: "Go back" }).click();
    await page.goto("/profile#qlik");
    const card = page.getByRole("region", { name: "Qlik credentials" });
    await card.getByLabel("Qlik password", { exact: true }).fill(world.control.accountPassword(ada.email));
    await card.getByRole("button", { name: "Save" }).click();
    await expect(said(page, "It works.")).toBeVisible();
  });
});

test.describe("Qlik OAuth", { tag: "@forms" }, () => {
  test("for everyone: the client's id and secret, and all see their apps", async ({
    page,
    world,
    newPerson,
    javaScriptEnabled,
  }) => {
    const { demo } = world.control;
    await setUp(world, page);
    await page.goto("/admin/settings");
    await settingsForm(page).host.fill(demo.tenant_host);
    await option(page, "Qlik OAuth, for everyone").check();
    await page.getByLabel("OAuth client ID", { exact: true }).fill(demo.oauth_client_id);
    await page.getByLabel("OAuth client secret", { exact: true }).fill("ab".repeat(32));
    await settingsForm(page).save.click();
    const error = page.locator("#settings-oauth_client_secret-error");
    await expect(error).toContainText("refuses the client’s secret");
    await expect(page.getByLabel("OAuth client ID", { exact: true })).toHaveValue(demo.oauth_client_id);
    await expect(page.getByLabel("OAuth client secret", { exact: true })).toHaveValue("");
    await page.getByLabel("OAuth client secret", { exact: true }).fill(demo.oauth_client_secret);
    await settingsForm(page).save.click();
    await expect(said(page, "Connected.")).toBeVisible();
    await expect(check(page, "oauth_user")).toContainText(ada.email);
    await expect(check(page, "engine")).toContainText("Passed");
    expect(await page.content()).not.toContain(demo.oauth_client_secret);
    if (javaScriptEnabled !== false) await clean(page);
    const beas = await newPerson();
    await join(world, page, beas, bea);
    await beas.goto("/apps");
    await expect(beas.locator("ul.apps li").first()).toBeVisible();
    await expect(beas.locator("#apps-count")).toContainText(bea.email);
    await beas.goto("/profile");
    await expect(beas.locator("#qlik")).toHaveCount(0);
  });

  test("each user connects at Qlik, with a second factor, and takes it back", async ({
    page,
    world,
    contextOptions,
    javaScriptEnabled,
  }) => {
    const { control } = world;
    const { demo } = control;
    await setUp(world, page);
    const client = await control.call<{ client_id: string; client_secret: string }>("POST", "/oauth-clients", {
      tenant: demo.tenant_id,
      name: "Reporting portal",
      scopes: ["user_default", "offline_access"],
      redirect_uris: [demo.oauth_redirect_uri],
    });
    world.secrets.add(client.client_secret);
    await control.call("PATCH", "/login-host", { shape: "form" });
    await control.call("PATCH", `/accounts/${ada.email}`, { otp: "123456" });
    await page.goto("/admin/settings");
    await settingsForm(page).host.fill(demo.tenant_host);
    await option(page, "Qlik OAuth, each user connects").check();
    await expect(page.getByLabel("Redirect URL for Qlik", { exact: true })).toHaveValue(demo.oauth_redirect_uri);
    await page.getByLabel("OAuth client ID", { exact: true }).fill(client.client_id);
    await page.getByLabel("OAuth client secret", { exact: true }).fill(client.client_secret);
    await settingsForm(page).save.click();
    await expect(said(page, "Connected.")).toBeVisible();

    // A browser for which Qlik's hosts are the sandbox.
    const installed = process.env.QONDUIT_CHROMIUM || "/usr/bin/chromium";
    const browser = await chromium.launch({
      executablePath: existsSync(installed) ? installed : undefined,
      args: [
        "--no-sandbox",
        "--disable-gpu",
        "--no-first-run",
        `--host-resolver-rules=MAP *.qlikcloud.com ${world.tenants().address}, MAP login.qlik.com ${world.tenants().address}`,
      ],
    });
    try {
      const context = await browser.newContext({
        ...contextOptions,
        baseURL: world.origin,
        javaScriptEnabled,
        ignoreHTTPSErrors: true,
      });
      const own = await context.newPage();
      await own.goto("/login?next=%2Fprofile");
      await signIn(own, ada);
      const card = own.getByRole("region", { name: "Qlik", exact: true });
      await expect(card).toContainText("Not connected");
      await own.getByRole("button", { name: "Connect to Qlik" }).click();

      await own.waitForURL(/login\.qlik\.com/);
      const email = own.getByLabel(/e-?mail/i).first();
      if (await email.isEditable()) await email.fill(ada.email);
      await own.locator('input[type="password"]').fill(control.accountPassword(ada.email));
      await own.getByRole("button").first().click();
      await own.locator("input:not([type=hidden])").last().fill("123456");
      await own.getByRole("button", { name: "Continue" }).click();
      await own.getByRole("button", { name: "Approve" }).click();

      await own.waitForURL(`${world.origin}/profile`);
      await expect(own.locator("#notice")).toContainText(/connected/i);
      await expect(card).toContainText("Connected");
      if (javaScriptEnabled !== false) await clean(own);
      await own.goto("/apps");
      await expect(own.locator("ul.apps li").first()).toBeVisible();
      await page.goto("/admin/users");
      await expect(page.getByRole("row", { name: /Ada/ })).toContainText("Connected");

      await own.goto("/profile");
      await own.getByRole("link", { name: "Remove" }).click();
      await own.getByRole("button", { name: "Remove" }).click();
      await expect(said(own, "You are no longer connected to Qlik.")).toBeVisible();
      await expect(card).toContainText("Not connected");
      const tokens = await control.call<{ kind: string; revoked?: boolean; live?: boolean }[]>("GET", "/oauth-tokens");
      expect(JSON.stringify(tokens)).not.toContain('"live":true');
      for (const { value } of await context.cookies()) world.secrets.add(value);
    } finally {
      await browser.close();
    }
  });
});
