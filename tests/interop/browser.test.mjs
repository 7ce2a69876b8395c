// The demo page in headless Chromium, twice: two tabs on two workers talk to each other.
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { test } from "node:test";
import { chromium } from "playwright-core";
import { baseUrl, expectedWorkers } from "./clients.mjs";

const kBrowser = process.env.CHROMIUM ?? "/usr/bin/chromium";
const kArguments = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
  "--disable-background-networking", "--disable-component-update", "--disable-sync"];
const skip = existsSync(kBrowser) ? false : `there is no ${kBrowser}`;

async function openTab(browser, options) {
  const context = await browser.newContext({ ignoreHTTPSErrors: true, ...options });
  const page = await context.newPage();
  page.foreign = [];
  page.errors = [];
  page.on("request", (request) => {
    const url = new URL(request.url());
    const own = url.host === new URL(baseUrl).host || url.protocol === "data:";
    if (!own) page.foreign.push(request.url());
  });
  page.on("pageerror", (error) => page.errors.push(error.message));
  await page.goto(baseUrl + "/");
  await page.waitForSelector('body[data-state="connected"]', { timeout: 20_000 });
  page.worker = await page.textContent("#worker");
  return page;
}

async function say(page, text, target = "") {
  await page.selectOption("#target", target);
  await page.fill("#text", text);
  await page.click("#send");
}

const hears = (page, text) => page.waitForSelector(`#messages .text:text-is("${text}")`, { timeout: 10_000 });

test("two tabs on two workers chat", { skip }, async () => {
  const browser = await chromium.launch({ executablePath: kBrowser, args: kArguments });
  try {
    const desk = await openTab(browser, { colorScheme: "light" });
    const phone = await openTab(browser, {
      colorScheme: "dark", viewport: { width: 360, height: 640 }, isMobile: true, hasTouch: true });
    if (expectedWorkers > 1) assert.notEqual(desk.worker, phone.worker);

    await say(desk, "hello from the desk");
    await hears(phone, "hello from the desk");
    await hears(desk, "hello from the desk");
    await say(phone, "and from the phone");
    await hears(desk, "and from the phone");

    for (const page of [desk, phone]) {
      await page.fill("#room", "kitchen");
      await page.click("#join-form button");
      await page.waitForSelector("#room-list button");
    }
    await say(phone, "only for the kitchen", "kitchen");
    await hears(desk, "only for the kitchen");

    for (const page of [desk, phone]) {
      assert.deepEqual(page.foreign, []);
      assert.deepEqual(page.errors, []);
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth > window.innerWidth);
      assert.equal(overflow, false, "the page is no wider than its window");
    }
    if (process.env.HUBGATE_SCREENSHOTS) {
      await desk.screenshot({ path: `${process.env.HUBGATE_SCREENSHOTS}/desk.png` });
      await phone.screenshot({ path: `${process.env.HUBGATE_SCREENSHOTS}/phone.png` });
    }
  } finally {
    await browser.close();
  }
});
