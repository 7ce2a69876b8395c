// An ASP.NET Core SignalR server as a user of hubgate has it: a remote endpoint. Prints "listening PORT" once.
//   dotnet signalr_server.dll NAME [PORT]
// /healthz is 200, or 503 while "unwell" was asked for by POST /wellness?value=no.
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.SignalR;

var builder = WebApplication.CreateBuilder();
builder.Logging.ClearProviders();
var port = args.Length > 1 ? args[1] : "0";
builder.WebHost.UseUrls($"http://127.0.0.1:{port}");
builder.Services.AddSignalR();
builder.Services.AddSingleton(new Server(args.Length > 0 ? args[0] : "server"));
var app = builder.Build();
app.MapHub<EchoHub>("/live");
app.MapGet("/healthz", (Server server) => server.Well ? Results.Ok("well") : Results.StatusCode(503));
app.MapPost("/wellness", (Server server, string value) => server.Well = value == "yes");
await app.StartAsync();
var addresses = app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!;
Console.WriteLine("listening " + new Uri(addresses.Addresses.First()).Port);
await app.WaitForShutdownAsync();

sealed class Server(string name)
{
    public string Name { get; } = name;
    public bool Well { get; set; } = true;
}

sealed class EchoHub(Server server) : Hub
{
    public string WhoAmI() => server.Name;
    public string ConnectionId() => Context.ConnectionId;
    public string Echo(string text) => text;
    public Task Broadcast(string text) => Clients.All.SendAsync("Receive", server.Name, text);
}
